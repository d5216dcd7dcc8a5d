"""Copying a directory with everything that is in it, and seeing that it is all there."""

from __future__ import annotations

import filecmp
import os
import stat
from pathlib import Path

from . import commands
from .errors import OperationFailed, Refusal


def copy(source: Path, target: Path) -> tuple[int, int]:
    """Copy what is in one directory into another: owners, modes, times, links, holes, extended attributes.
    How many files and bytes that were.

    OperationFailed when it does not fit or differs afterwards. What is there afterwards survives a power cut.
    """
    try:
        commands.run("cp", "--archive", "--sparse=auto", f"{source}/.", str(target))
        commands.run("sync", "--file-system", str(target))
    except Refusal as refusal:
        raise OperationFailed(str(refusal), refusal.details.get("log")) from None
    differing = differences(source, target)
    if differing:
        raise OperationFailed(f"the copy of {source} is not the same: {', '.join(differing[:5])}")
    files = [path for path in target.rglob("*") if stat.S_ISREG(path.lstat().st_mode)]
    return len(files), sum(path.lstat().st_size for path in files)


def differences(one: Path, other: Path) -> list[str]:
    """What is not the same below two directories, themselves included: relative paths, sorted. Sockets are
    no data."""
    names = sorted(_below(one) | _below(other))
    return [name for name in names if not _same(one / name, other / name)]


def _below(directory: Path) -> set[str]:
    found = {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_socket()}
    return {".", *found}


def _same(one: Path, other: Path) -> bool:
    if not (os.path.lexists(one) and os.path.lexists(other)):
        return False
    first, second = one.lstat(), other.lstat()
    if (first.st_mode, first.st_uid, first.st_gid) != (second.st_mode, second.st_uid, second.st_gid):
        return False
    if stat.S_ISLNK(first.st_mode):
        return os.readlink(one) == os.readlink(other)
    return not stat.S_ISREG(first.st_mode) or filecmp.cmp(one, other, shallow=False)
