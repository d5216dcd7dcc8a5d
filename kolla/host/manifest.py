"""Everything we made on this host that does not carry the cloud's label.

Containers and volumes say themselves, by their label, whose they are; volumes that were taken over cannot.
Folders, directories, images, packages, mounts and a started engine cannot either: they are written here
before they are made, so that nothing that was made is ever missing here, whenever we are killed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from . import files
from .cloud import Cloud

KINDS = (
    *("folders", "directories", "images", "packages", "registries", "engine"),
    *("files", "sysctls", "mounts", "authorities", "adopted"),
)


class Manifest:
    """The manifest of one cloud on this host. One process (the holder of the lock) writes it."""

    def __init__(self, cloud: Cloud) -> None:
        self._path: Path = cloud.directory / "manifest.json"
        self._guard = threading.Lock()
        self._entries: dict[str, list[str]] = {
            **{kind: [] for kind in KINDS},
            **(files.read_json(self._path) or {}),
        }

    def entries(self, kind: str) -> tuple[str, ...]:
        """What is listed under a kind, in the order it was made."""
        return tuple(self._entries[kind])

    def add(self, kind: str, names: Iterable[str]) -> None:
        """List `names`, on disk before this returns."""
        with self._guard:
            new = [name for name in dict.fromkeys(names) if name not in self._entries[kind]]
            if new:
                self._entries[kind] += new
                files.write_json(self._path, self._entries)

    def remove(self, kind: str, names: Iterable[str]) -> None:
        """Strike `names` off."""
        gone = set(names)
        with self._guard:
            if gone & set(self._entries[kind]):
                self._entries[kind] = [name for name in self._entries[kind] if name not in gone]
                files.write_json(self._path, self._entries)


def others_entries(cloud: Cloud, kind: str) -> dict[str, list[str]]:
    """What the manifests of the other clouds on this host list under a kind: cloud -> names."""
    found = {}
    for path in cloud.directory.parent.glob("*/manifest.json"):
        if path.parent != cloud.directory:
            found[path.parent.name] = (files.read_json(path) or {}).get(kind, [])
    return found
