"""Files that are either the old or the new one, never half of one."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write `content` to `path` atomically: temporary file beside it, fsync, rename."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make renames inside `path` survive a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, document: Any) -> None:
    """Write a document atomically, 0600; makes the directory (0700) it belongs in."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write(path, json.dumps(document, sort_keys=True, indent=1).encode() + b"\n")


def read_json(path: Path) -> Any:
    """The document in `path`, or None when there is no such file."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
