"""The operator's own files below `config/`, which are merged over what a service renders."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kolla.errors import InputError, Location


@dataclass(frozen=True)
class Overrides:
    """Every file there is, by its path relative to `config/`."""

    files: Mapping[str, Path]

    @classmethod
    def find(cls, config_directory: Path) -> Overrides:
        """The files below `config/`, sorted; version control and editors' leftovers are not among them."""
        top = config_directory / "config"
        found: dict[str, Path] = {}
        for directory, folders, names in os.walk(top, followlinks=True):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                path = Path(directory, name)
                if not name.endswith(("~", ".swp", ".gitkeep")):
                    found[path.relative_to(top).as_posix()] = path
        return cls(dict(sorted(found.items())))

    def text(self, relative: str) -> str:
        """Content of a file; InputError when it cannot be read as UTF-8 text."""
        path = self.files[relative]
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot be read: {error}", where=Location(path)) from None
