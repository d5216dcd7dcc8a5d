"""The package lock: which distribution packages, in which version, each image added to its parent.

The first build of an image writes its entry, from the list the image itself carries; later builds
install the same versions until `kolla build --refresh` drops the entry.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from kolla.places import read_json, write_json

LIST_DIRECTORY = "/usr/local/share/kolla/packages"
"""Where an image lists the packages it added: a file of its own name, `name=version sha256` a line."""


class PackageLock:
    """The lock of one base distribution, in the state directory; used by several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._guard = threading.Lock()
        self._images: dict[str, list[str]] = read_json(path).get("images", {})

    @classmethod
    def of(cls, state_directory: Path, base: str) -> PackageLock:
        """The lock for a base distribution such as "debian-13"; empty when there is none yet."""
        return cls(state_directory / f"packages-{base}.json")

    def entry(self, image: str) -> tuple[str, ...]:
        """The packages of an image, `name=version sha256` each; empty when it was never built."""
        with self._guard:
            return tuple(self._images.get(image, ()))

    def record(self, image: str, packages: Iterable[str]) -> tuple[str, ...]:
        """Keep what an image was built with, on disk before this returns; gives the entry back."""
        entry = sorted(packages)
        with self._guard:
            if self._images.get(image, []) != entry:
                self._images[image] = entry
                write_json(self.path, {"images": self._images})
        return tuple(entry)
