"""Where Python software is from when not from the index: what image_sources says, and what came of it.

Keyed by the distribution, so every image that installs it, by name or because something else needs it,
gets it from there; everything else is still from the release lock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field

from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.model import Absolute, Model
from kolla.errors import InputError, did_you_mean, raise_all
from kolla.images.context import ContextFile
from kolla.images.requirements import Lock, normalise
from kolla.settings.globals import Globals

SOURCES = "image_sources"

Kind = Literal["git", "url", "local", "pypi"]


class Source(Model):
    """Where one distribution is from."""

    type: Kind
    location: str = ""
    """A git repository, the URL of an archive or wheel, or a directory on this machine."""
    reference: str = "HEAD"
    """Branch, tag or commit (git)."""
    depth: int = Field(default=1, ge=0)
    """Commits that are fetched (git); 0: all, and versions count from the last tag."""
    patches: Absolute | None = None
    """Directory of patches, applied in the order of their names, or of its file `series`."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """What the archive or wheel must be (url, pypi)."""
    version: str = ""
    """The version it gets; by default what its metadata, its tags or else the lock say."""


_NEEDED: Mapping[Kind, Collection[str]] = {
    "git": ("location",),
    "url": ("location", "sha256"),
    "local": ("location",),
    "pypi": ("sha256",),
}
_POSSIBLE: Mapping[Kind, Collection[str]] = {
    "git": ("reference", "depth", "patches", "version"),
    "url": ("patches", "version"),
    "local": ("patches", "version"),
    "pypi": ("patches", "version"),
}
"""Words each type must have, and may have besides."""


@dataclass(frozen=True)
class Tree:
    """The source of a distribution as it goes into a build: an archive, or a wheel that is ready."""

    name: str
    """The distribution, normalised."""
    version: str
    file: Path
    sha256: str

    @property
    def context(self) -> tuple[ContextFile, ...]:
        """Its files in a build context."""
        folder = f"build/sources/{self.name}"
        wheel = self.file.suffix == ".whl"
        return (
            ContextFile(
                f"{folder}/{self.file.name if wheel else 'source.tar'}", 0o644, self.file, self.sha256
            ),
            ContextFile(f"{folder}/version", 0o644, f"{self.version}\n".encode()),
        )


def given(settings: Globals) -> dict[str, Source]:
    """image_sources of the settings, by normalised name; InputErrors for words that do not go together,
    and directories that are not there."""
    found: dict[str, Source] = {}
    errors: list[InputError] = []
    for name, source in settings.parsed(SOURCES, dict[str, Source]).items():
        errors += _mistakes(name, source, settings)
        found[normalise(name)] = source
    raise_all(errors)
    return found


def check_installed(settings: Globals, catalogue: Catalogue, lock: Lock) -> None:
    """InputError for a source that no image installs."""
    images = (image for f in catalogue.folders.values() for image in f.service.images.values())
    roots = {normalise(name) for image in images for name in image.python}
    known = roots | lock.requirements.keys()
    for name in settings.value(SOURCES):
        if normalise(name) not in known:
            raise InputError(
                f"{SOURCES}: no image installs '{name}'",
                where=settings.where(SOURCES, name),
                expected=f"a distribution of {lock.path.name}, or one that image_overrides add to an image",
                hint=did_you_mean(normalise(name), known),
            )


def _mistakes(name: str, source: Source, settings: Globals) -> Iterator[InputError]:
    where = settings.where(SOURCES, name)
    words = source.model_fields_set - {"type"}
    missing = [word for word in _NEEDED[source.type] if not getattr(source, word)]
    if missing:
        yield InputError(f"{SOURCES}: '{name}' has no {' and no '.join(missing)}", where=where)
    for word in sorted(words - {*_NEEDED[source.type], *_POSSIBLE[source.type]}):
        yield InputError(
            f"{SOURCES}: '{word}' means nothing for '{name}', which is of type {source.type}",
            where=settings.where(SOURCES, name, word),
            expected=f"one of {', '.join(sorted({*_NEEDED[source.type], *_POSSIBLE[source.type]}))}",
        )
    for word, needed in (("location", source.type == "local"), ("patches", source.patches is not None)):
        path = str(getattr(source, word))
        if needed and not (Path(path).is_absolute() and Path(path).is_dir()):
            yield InputError(
                f"{SOURCES}: there is no directory '{path}'", where=settings.where(SOURCES, name, word)
            )


def without_credentials(location: str) -> str:
    """A URL without user and password."""
    parts = urlsplit(location)
    if parts.scheme and "@" in parts.netloc:
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return location
