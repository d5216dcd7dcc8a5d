"""Package repositories besides the distribution's own: used while images are built, gone afterwards.

Addresses, which may hold a password, travel as secrets do (`transport`); the keys that packages are signed
with are files of the build context.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kolla.catalogue.distribution import Distribution
from kolla.catalogue.model import Absolute, Model, Name
from kolla.errors import InputError, did_you_mean, raise_all
from kolla.images.context import ContextFile
from kolla.images.graph import Graph
from kolla.images.identity import digest
from kolla.images.sources import without_credentials
from kolla.settings.globals import Globals

REPOSITORIES = "image_repositories"


class Words(Model):
    """What the settings say of one repository."""

    url: str
    suites: tuple[str, ...] = ()
    """apt: `trixie`, or a path that ends in `/` for a repository without suites."""
    components: tuple[str, ...] = ()
    key: Absolute
    """File of the public key its packages are signed with."""
    images: tuple[Name, ...] = ()
    """Images it is for, with those built from them; empty: all."""


@dataclass(frozen=True)
class Extra:
    """A repository images may take packages from."""

    name: str
    words: Words
    key: bytes

    @property
    def key_file(self) -> ContextFile:
        """Its key in a build context."""
        suffix = "asc" if self.key.startswith(b"-----BEGIN") else "gpg"
        return ContextFile(f"build/repositories/{self.name}.{suffix}", 0o644, self.key)

    @property
    def _seen_key(self) -> str:
        return f"/mnt/{self.key_file.path}"

    def apt_lines(self) -> str:
        """Lines of sources.list(5)."""
        words = self.words
        lines = (
            f"deb [signed-by={self._seen_key}] {words.url} {' '.join((suite, *words.components))}\n"
            for suite in words.suites
        )
        return "".join(lines)

    def dnf_lines(self) -> str:
        """A section of dnf.conf(5)."""
        return f"[{self.name}]\nname={self.name}\nbaseurl={self.words.url}\ngpgkey=file://{self._seen_key}\n"


def given(settings: Globals) -> tuple[Extra, ...]:
    """image_repositories of the settings, by name; InputErrors for images and key files that are not there,
    and for what the package manager of the base needs to know besides."""
    found: list[Extra] = []
    errors: list[InputError] = []
    images = [image for f in settings.catalogue.folders.values() for image in f.service.images]
    for name, words in sorted(settings.parsed(REPOSITORIES, dict[Name, Words]).items()):
        for index, image in enumerate(words.images):
            if image not in images:
                where = settings.where(REPOSITORIES, name, "images", index)
                near = did_you_mean(image, images)
                errors.append(InputError(f"there is no image '{image}'", where=where, hint=near))
        if settings.distribution.manager == "apt" and not words.suites:
            where = settings.where(REPOSITORIES, name)
            errors.append(
                InputError(
                    f"{REPOSITORIES}: '{name}' has no suites", where=where, expected="suites: [trixie]"
                )
            )
        try:
            found.append(Extra(name, words, Path(words.key).read_bytes()))
        except OSError as error:
            where = settings.where(REPOSITORIES, name, "key")
            errors.append(InputError(f"{words.key} cannot be read: {error.strerror}", where=where))
    raise_all(errors)
    return tuple(found)


def of_image(extras: Iterable[Extra], graph: Graph, name: str) -> tuple[Extra, ...]:
    """The repositories an image may take packages from: its own, and those of its parents."""
    family = {node.name for node in graph.lineage(name)}
    return tuple(extra for extra in extras if not extra.words.images or family & set(extra.words.images))


def mark(extras: Iterable[Extra]) -> str:
    """A short hash of what the repositories are, credentials left out; empty without any.

    It is part of the Dockerfile, so of the identity, and keeps the indexes of different repositories apart.
    """
    known = {
        extra.name: [
            without_credentials(extra.words.url),
            *extra.words.suites,
            "/",
            *extra.words.components,
            extra.key_file.sha256,
        ]
        for extra in extras
    }
    return digest(known)[:12] if known else ""


def added(
    secrets: Mapping[str, bytes], extras: Iterable[Extra], distribution: Distribution
) -> dict[str, bytes]:
    """The secrets of a build with these repositories beside the distribution's."""
    file = {"apt": "sources.list", "dnf": "dnf.conf"}[distribution.manager]
    lines = (e.apt_lines() if distribution.manager == "apt" else e.dnf_lines() for e in extras)
    return {**secrets, file: secrets[file] + "".join(lines).encode()}
