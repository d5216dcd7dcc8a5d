"""Which paths the configuration places, and what each should be. Looks, and changes nothing.

Placing and checking both follow this one answer, so that what was just placed is never reported as
changed.
"""

from __future__ import annotations

import fnmatch
import glob
import grp
import os
import pwd
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .configuration import ConfigFile, Configuration, Owner, Permission
from .errors import MalformedConfiguration, RuntimeFault


@dataclass(frozen=True)
class Entry:
    """What one path should be. Owner and mode do not matter for links."""

    source: Path
    """Where content, or the target of a link, comes from."""
    kind: int
    """stat.S_IFREG, S_IFDIR or S_IFLNK."""
    uid: int
    gid: int
    mode: int
    merged: bool = False
    """The item had `merge`: a directory that was there before keeps its owner, mode and content."""


@dataclass(frozen=True)
class Tree:
    """Everything the configuration places, by absolute path inside the container."""

    entries: Mapping[str, Entry]

    @property
    def roots(self) -> tuple[str, ...]:
        """The paths that are wholly ours, sorted: each one, with all below it, comes from the configuration.

        Merged directories are shared with the image and therefore are none.
        """
        found: list[str] = []
        for path in sorted(self.entries, key=lambda path: path.split("/")):
            entry = self.entries[path]
            shared = entry.kind == stat.S_IFDIR and entry.merged
            if not shared and not (found and is_below(path, found[-1])):
                found.append(path)
        return tuple(found)


def is_below(path: str, directory: str) -> bool:
    """Whether `path` lies somewhere inside `directory`."""
    return path.startswith(directory.rstrip("/") + "/")


def at(root: Path, path: str) -> Path:
    """Where the container's absolute `path` is when its root directory is `root`."""
    return root / path.lstrip("/")


def identify(owner: Owner) -> tuple[int, int]:
    """Numbers of a user and a group; MalformedConfiguration when one does not exist in this image."""
    try:
        uid = pwd.getpwnam(owner.user).pw_uid
    except KeyError:
        raise MalformedConfiguration(f"{owner.where}: this image has no user '{owner.user}'") from None
    try:
        return uid, grp.getgrnam(owner.group).gr_gid
    except KeyError:
        raise MalformedConfiguration(f"{owner.where}: this image has no group '{owner.group}'") from None


def searchable(mode: int) -> int:
    """A directory's mode: whoever may read it may also enter it."""
    return mode | (mode & 0o444) >> 2


def expected(configuration: Configuration, root: Path) -> Tree:
    """The tree that `configuration` asks for; later items win over earlier ones.

    Raises RuntimeFault when the source of an item that is not optional does not exist.
    """
    entries: dict[str, Entry] = {}
    for item in configuration.config_files:
        sources = sorted(glob.glob(str(at(root, item.source))))
        if not sources and not item.optional:
            raise RuntimeFault(f"{item.where}: source {item.source} does not exist")
        for source in sources:
            dest = os.path.normpath(item.dest)
            if item.dest.endswith("/"):
                dest = os.path.join(dest, os.path.basename(source))
            if not item.merge:
                for path in [path for path in entries if path == dest or is_below(path, dest)]:
                    del entries[path]
            entries.update(_entries(item, Path(source), dest))
    for permission in configuration.permissions:
        _overlay(entries, permission)
    return Tree(entries)


def _entries(item: ConfigFile, source: Path, dest: str) -> Iterator[tuple[str, Entry]]:
    keep_link = item.merge and item.preserve_properties
    status = source.lstat() if keep_link else source.stat()
    kind = stat.S_IFMT(status.st_mode)
    if item.owner is None or item.mode is None:
        uid, gid, mode = status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)
    else:
        uid, gid = identify(item.owner)
        mode = searchable(item.mode) if kind == stat.S_IFDIR else item.mode
    if kind not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise RuntimeFault(f"{item.where}: source {source} is no file, directory or link")
    yield dest, Entry(source, kind, uid, gid, mode, merged=item.merge)
    if kind == stat.S_IFDIR:
        for child in sorted(source.iterdir()):
            yield from _entries(item, child, os.path.join(dest, child.name))


def _overlay(entries: dict[str, Entry], permission: Permission) -> None:
    """Let a `permissions` item change owner and mode of what is placed."""
    uid, gid = identify(permission.owner)
    for path, entry in entries.items():
        if applies(permission, path):
            mode = entry.mode
            if permission.mode is not None:
                mode = searchable(permission.mode) if entry.kind == stat.S_IFDIR else permission.mode
            entries[path] = replace(entry, uid=uid, gid=gid, mode=mode)


def applies(permission: Permission, path: str) -> bool:
    """Whether a `permissions` item speaks of `path`: itself, or below it under `recurse`."""
    wanted = [part for part in permission.path.split("/") if part]
    parts = [part for part in path.split("/") if part]
    if len(parts) < len(wanted) or (len(parts) > len(wanted) and not permission.recurse):
        return False
    if not all(_component_matches(part, pattern) for part, pattern in zip(parts, wanted, strict=False)):
        return False
    return not (permission.recurse and any(pattern.search(path) for pattern in permission.exclude))


def _component_matches(name: str, pattern: str) -> bool:
    """As glob(7) matches one component: a leading dot only by a leading dot."""
    if name.startswith(".") and not pattern.startswith("."):
        return False
    return fnmatch.fnmatchcase(name, pattern)
