"""Telling whether a container still looks as its configuration says. Changes nothing."""

from __future__ import annotations

import filecmp
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from . import defaults
from .configuration import Configuration
from .place import records
from .tree import Entry, Tree, at, expected, is_below


def drift(configuration: Configuration, root: Path) -> Iterator[str]:
    """One sentence for each difference between `configuration` and what is below `root`.

    Compared are the command, the user, and every placed path: existence, kind, content, owner, mode.
    Directories and files that are only made, not copied, belong to the service and are not.
    """
    for name, text in records(configuration).items():
        path = at(root, name)
        if (path.read_text() if path.exists() else None) != text:
            yield f"{name} differs"
    tree = expected(configuration, root)
    state = defaults.placed(root)
    for dest in sorted(set(state) - set(tree.roots)):
        yield f"{dest} is no longer configured"
    for dest in sorted(set(tree.roots) - set(state)):
        yield f"{dest} is newly configured"
    for dest in sorted(tree.entries):
        yield from _compare(tree, dest, at(root, dest))


def _compare(tree: Tree, dest: str, path: Path) -> Iterator[str]:
    entry = tree.entries[dest]
    try:
        status = path.lstat()
    except FileNotFoundError:
        yield f"{dest} does not exist"
        return
    if stat.S_IFMT(status.st_mode) != entry.kind:
        if not (entry.merged and entry.kind == stat.S_IFDIR and path.is_dir()):
            yield f"{dest} is of another kind"
        return
    if entry.kind == stat.S_IFDIR and entry.merged:
        return
    yield from _compare_properties(entry, dest, status)
    if entry.kind == stat.S_IFDIR:
        for child in sorted(os.path.join(dest, name) for name in os.listdir(path)):
            # A directory may also be there only because something was placed further down.
            if child not in tree.entries and not any(is_below(path, child) for path in tree.entries):
                yield f"{child} is not from the configuration"
    elif entry.kind == stat.S_IFLNK:
        if os.readlink(path) != os.readlink(entry.source):
            yield f"{dest} points elsewhere"
    elif not filecmp.cmp(entry.source, path, shallow=False):
        yield f"{dest} differs in content"


def _compare_properties(entry: Entry, dest: str, status: os.stat_result) -> Iterator[str]:
    if (status.st_uid, status.st_gid) != (entry.uid, entry.gid):
        yield f"{dest} belongs to {status.st_uid}:{status.st_gid}, not {entry.uid}:{entry.gid}"
    mode = stat.S_IMODE(status.st_mode)
    if entry.kind != stat.S_IFLNK and mode != entry.mode:
        yield f"{dest} has mode {mode:04o}, not {entry.mode:04o}"
