"""Making a container look as its configuration says."""

from __future__ import annotations

import glob
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from . import defaults
from .configuration import Configuration, Made, Permission
from .errors import RuntimeFault
from .tree import Entry, Tree, applies, at, expected, identify, searchable

RUN_COMMAND = "/run_command"
RUN_USER = "/run_user"


def place(configuration: Configuration, root: Path) -> None:
    """Do everything `configuration` says below `root`, in the order of the container contract.

    Raises RuntimeFault when something stands in the way.
    """
    tree = expected(configuration, root)
    for directory in configuration.directories:
        _make_directory(directory, root)
    for file in configuration.files:
        _make_file(file, root)
    defaults.update(root, tree.roots)
    _copy(tree, root)
    for path, text in records(configuration).items():
        _write_record(at(root, path), text)
    for permission in configuration.permissions:
        _permit(permission, root)


def records(configuration: Configuration) -> dict[str, str | None]:
    """What the start script reads, by path: the command, and the user if the configuration names one."""
    return {RUN_COMMAND: configuration.command, RUN_USER: configuration.user}


def _write_record(path: Path, text: str | None) -> None:
    """Nothing is written when it is right already: a container not run by root may carry its own."""
    current = path.read_text() if path.exists() else None
    if text is None and current is not None:
        path.unlink()
    elif text is not None and current != text:
        path.write_text(text)
    if text is not None and stat.S_IMODE(path.stat().st_mode) != 0o644:
        path.chmod(0o644)


def _make_directory(directory: Made, root: Path) -> None:
    path = at(root, directory.path.rstrip("/"))
    if path.is_symlink():
        raise RuntimeFault(f"directories: {directory.path} is a link")
    path.mkdir(parents=True, exist_ok=True)
    _set(path, *identify(directory.owner), searchable(directory.mode))


def _make_file(file: Made, root: Path) -> None:
    path = at(root, file.path)
    if path.is_symlink() or path.is_dir():
        raise RuntimeFault(f"files: {file.path} is a link or a directory")
    if not path.parent.is_dir():
        raise RuntimeFault(f"files: {file.path}: its directory does not exist")
    path.touch()
    _set(path, *identify(file.owner), file.mode)


def _copy(tree: Tree, root: Path) -> None:
    for dest in tree.roots:
        defaults.remove(root, dest)
    for dest in sorted(tree.entries, key=lambda path: path.split("/")):
        _copy_one(tree.entries[dest], at(root, dest))


def _copy_one(entry: Entry, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if entry.kind == stat.S_IFDIR:
        if not path.is_dir():
            path.mkdir()
            _set(path, entry.uid, entry.gid, entry.mode)
    elif entry.kind == stat.S_IFLNK:
        path.symlink_to(os.readlink(entry.source))
        defaults.own(path, entry.uid, entry.gid)
    else:
        # Closed to everyone else until owner and mode are right: it may hold secrets.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(entry.source, "rb") as source, open(descriptor, "wb") as target:
            shutil.copyfileobj(source, target)
        _set(path, entry.uid, entry.gid, entry.mode)


def _permit(permission: Permission, root: Path) -> None:
    uid, gid = identify(permission.owner)
    for path in _reach(permission, root):
        if not applies(permission, "/" + str(path.relative_to(root))):
            continue
        mode = permission.mode
        if path.is_symlink() or mode is None:
            defaults.own(path, uid, gid)
        else:
            _set(path, uid, gid, searchable(mode) if path.is_dir() else mode)


def _reach(permission: Permission, root: Path) -> Iterator[Path]:
    """Everything there is at, and under `recurse` below, a `permissions` path. Links are not followed:
    what is inside a volume may have been made by the service itself."""
    for found in sorted(glob.glob(str(at(root, permission.path)))):
        yield Path(found)
        if permission.recurse:
            for folder, directories, files in os.walk(found):
                for name in sorted(directories + files):
                    yield Path(folder, name)


def _set(path: Path, uid: int, gid: int, mode: int) -> None:
    defaults.own(path, uid, gid)
    if stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)
