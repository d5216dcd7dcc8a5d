"""Processes of this host, from proc(5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path


def lives(pid: int) -> bool:
    """Whether there is such a process, and not only its exit status nobody asked for."""
    status = _status(pid)
    return bool(status) and not re.search(r"^State:\s+Z", status, re.MULTILINE)


def program(pid: int) -> str:
    """The name of a process; empty when it has ended."""
    match = re.search(r"^Name:\s+(.+)", _status(pid), re.MULTILINE)
    return match.group(1) if match else ""


def ancestors(pid: int) -> Iterator[int]:
    """The process itself, its parent, and so on up to 1."""
    while pid > 0:
        yield pid
        match = re.search(r"^PPid:\s+(\d+)", _status(pid), re.MULTILINE)
        pid = int(match.group(1)) if match else 0


def _status(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        # The second when it ended between opening and reading.
        return ""
