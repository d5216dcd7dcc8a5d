"""This code itself: where it was put on the host, and which of its versions nobody needs any more."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

PREFIX = "host-"
UNUSED = 24 * 3600
"""Seconds after which a version counts as unused: deployers of several versions may take turns."""


def forget_old(program: Path | None = None) -> None:
    """Note that this version is in use, and remove those that nobody applied a plan with for UNUSED
    seconds, and what an interrupted transfer left."""
    program = program or _own()
    if not _is_installed(program):
        return
    os.utime(program)
    for other in program.parent.iterdir():
        # It may be gone: another cloud's worker does the same.
        with suppress(FileNotFoundError):
            if time.time() - other.stat().st_mtime > UNUSED:
                shutil.rmtree(other)


def remove(program: Path | None = None) -> None:
    """Remove all versions, this one included, unless there is still a cloud on this host."""
    program = program or _own()
    state = program.parent.parent
    if not _is_installed(program) or any(state.glob("*/lock")):
        return
    shutil.rmtree(program.parent)
    with suppress(OSError):
        # The controller's own state may be in it.
        state.rmdir()


def _own() -> Path:
    return Path(__file__).resolve().parents[1]


def _is_installed(program: Path) -> bool:
    """Whether the controller put it there; a checkout of the sources is nothing to remove."""
    return program.name.startswith(PREFIX)
