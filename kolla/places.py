"""Where the controller keeps what it knows about a cloud."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kolla.errors import KollaError

ORIGIN = "origin"
"""The directory of what loaded images came with, in the state directory and in a bundle."""


def state_root() -> Path:
    """`/var/lib/kolla/deployment` for root, else the user's state directory (XDG base directories).

    Not where hosts keep their own state (`/var/lib/kolla/<cloud>`): the controller may be one of them.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/kolla/deployment")
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "kolla"


@dataclass(frozen=True)
class Places:
    """Paths of one cloud on the controller."""

    directory: Path

    @classmethod
    def of(cls, cloud_name: str) -> Places:
        """The places of a cloud; the directory is made, for its owner only, when it is missing."""
        directory = state_root() / cloud_name
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(directory)

    def remove(self) -> None:
        """Forget the cloud."""
        shutil.rmtree(self.directory)
        root = self.directory.parent
        if not any(root.iterdir()):
            root.rmdir()

    @property
    def build_report(self) -> Path:
        """What the builder made."""
        return self.directory / "build.json"

    @property
    def build_signature(self) -> Path:
        """The signature over it."""
        return self.directory / "build.json.sig"

    @property
    def origin(self) -> Path:
        """Of images that were loaded: the report of where they were built, and the signature over it."""
        return self.directory / ORIGIN

    @property
    def bills(self) -> Path:
        """Bills of materials of images, a folder for each image."""
        return self.directory / "sbom"

    @property
    def schemas(self) -> Path:
        """Configuration options of the software in images, a folder for each image."""
        return self.directory / "schema"

    @property
    def checked(self) -> Path:
        """Configuration that was checked, and nothing was wrong with it."""
        return self.directory / "checked.json"

    @property
    def facts(self) -> Path:
        """Host facts as last seen."""
        return self.directory / "facts.json"

    @property
    def revisions(self) -> Path:
        """What was applied: a directory for each revision."""
        return self.directory / "revisions"

    @property
    def made(self) -> Path:
        """Files the controller made outside this directory, so that only those are ever removed."""
        return self.directory / "made.json"

    @property
    def logs(self) -> Path:
        """Logs of builds and runs."""
        return self.directory / "logs"


def remove_files(paths: Iterable[Path]) -> list[Path]:
    """Remove those that exist, and directories left empty by it; what was removed."""
    removed = [path for path in paths if path.exists()]
    for path in removed:
        path.unlink()
    for directory in sorted({path.parent for path in removed}, reverse=True):
        if directory.exists() and not any(directory.iterdir()):
            directory.rmdir()
    return removed


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object, or an empty one when there is no file."""
    try:
        document: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return document


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically; only its owner may read it. KollaError, and the file as it was, when
    there is no space left."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise KollaError(f"no space left on this machine, in {path.parent}") from None


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Replace a JSON file atomically; only its owner may read it. Errors as those of `write_private`."""
    write_private(path, json.dumps(document, indent=2, sort_keys=True) + "\n")
