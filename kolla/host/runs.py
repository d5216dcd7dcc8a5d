"""The events of a run, as lines of a file: the worker writes, followers read.

The worker holds an flock(2) on the file as long as it lives, and its last line is FINISHED.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from .cloud import Cloud
from .shapes import Json

KEPT = 20
"""Files of so many runs are kept."""
FINISHED = {"status": "finished"}
POLL = 0.1


def event(
    operation: str, status: str, seconds: float = 0.0, message: str = "", log: Sequence[str] = ()
) -> Json:
    """What is told of an operation: started, done, skipped, failed, blocked (or of a run: died)."""
    return {
        "time": time.time(),
        "operation": operation,
        "status": status,
        "seconds": round(seconds, 3),
        "message": message,
        "log": list(log),
    }


class RunFile:
    """The writing end."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        self.offset = os.fstat(self._handle).st_size

    def tell(self, event: Json) -> None:
        """Append an event; safe from several threads, as it is one write."""
        os.write(self._handle, json.dumps(event).encode() + b"\n")

    def close(self) -> None:
        """Let go of it in this process; a forked child still holds it."""
        os.close(self._handle)


def follow(path: Path, offset: int, patience: float) -> tuple[list[Json], int, bool, bool]:
    """Events after `offset`, the offset after them, whether the run finished, whether it died.

    Waits up to `patience` seconds for something to tell.
    """
    end = time.monotonic() + patience
    while True:
        # In this order: once the writer is gone, what is read afterwards is all there will ever be.
        alive = _has_writer(path)
        events, offset = _read(path, offset)
        finished = FINISHED in events
        if events or not alive or time.monotonic() >= end:
            told = [event for event in events if event != FINISHED]
            return told, offset, finished, not alive and not finished
        time.sleep(POLL)


def _has_writer(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _read(path: Path, offset: int) -> tuple[list[Json], int]:
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read()
    whole = data[: data.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()], offset + len(whole)


def forget_old(cloud: Cloud) -> None:
    """Remove the files of all but the latest runs."""
    found = sorted((cloud.directory / "runs").glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
    for path in found[:-KEPT]:
        path.unlink()
