"""What images can be built on: families, their distributions, and the releases of those.

The data is `distributions.yml`. Whatever a service says for some of them (its packages, why an image
cannot be had) it says by the name of a family, a distribution or a release; the nearest name counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from kolla.catalogue.model import Model
from kolla.errors import InputError, did_you_mean

FILE = Path(__file__).with_name("distributions.yml")
"""The families, distributions and releases there are."""

WITHOUT = "-"
"""Before a package's name: one that a farther name gave is not wanted here."""


class Repository(Model):
    """Where packages are from."""

    url: str
    """The distribution's own servers."""
    mirror: str
    """The setting that names a mirror of them."""
    parts: tuple[str, ...]
    """What is below the URL: `SUITE COMPONENT...` for apt; for dnf directories, with `$basearch` in them."""
    key: str
    """What packages are signed with: a keyring (apt); a file below the URL, or a URL (dnf)."""


class Distribution(Model):
    """One release of one distribution."""

    name: str
    """`debian-13`: used in tags, file names and cache ids."""
    family: str
    """`debian`, `rhel`."""
    distro: str
    """`debian`, `ubuntu`, `rocky`, `centos`."""
    version: str
    codename: str = ""
    """The suite on the package mirror."""
    python: str
    """Version of /usr/bin/python3 as `3.13`."""
    image: str
    """What to pull when the base is not bootstrapped."""
    openstack: str | None = None
    """The OpenStack release among its packages, which install type binary installs."""
    manager: Literal["apt", "dnf"]
    """What installs packages."""
    tools: tuple[str, ...]
    """Debian's packages that a machine needs to bootstrap it."""
    repositories: tuple[Repository, ...]

    @classmethod
    def named(cls, distro: str, version: str) -> Distribution:
        """The one for the settings `kolla_base_distro` and `kolla_base_distro_version`; else InputError."""
        known = releases()
        name = f"{distro}-{version}"
        if name not in known:
            raise InputError(
                f"kolla_base_distro, kolla_base_distro_version: no images can be built on {distro} {version}",
                expected=f"one of {', '.join(sorted(known))}",
                hint=did_you_mean(name, known),
            )
        return known[name]

    @property
    def lineage(self) -> tuple[str, ...]:
        """The names it goes by, the farthest first: `debian`, `ubuntu`, `ubuntu-24.04`."""
        return tuple(dict.fromkeys((self.family, self.distro, self.name)))

    def packages(self, lists: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
        """What lists of packages by name of a distribution come to here, sorted.

        Each nearer list adds to the farther ones and, with `-NAME`, takes away.
        """
        wanted: set[str] = set()
        for name in self.lineage:
            entries = lists.get(name, ())
            wanted -= {entry.removeprefix(WITHOUT) for entry in entries if entry.startswith(WITHOUT)}
            wanted |= {entry for entry in entries if not entry.startswith(WITHOUT)}
        return tuple(sorted(wanted))

    def nearest(self, values: Mapping[str, str]) -> str | None:
        """The value given for the nearest of its names; None when there is none."""
        return next((values[name] for name in reversed(self.lineage) if name in values), None)


@cache
def names() -> tuple[str, ...]:
    """Every name of a family, a distribution or a release, sorted."""
    return tuple(sorted({name for release in releases().values() for name in release.lineage}))


def superfluous(lists: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Entries `-NAME` that take away what nothing gave, in any release: (name of the distribution, entry)."""
    for place, entries in lists.items():
        for entry in (entry for entry in entries if entry.startswith(WITHOUT)):
            lineages = [release.lineage for release in releases().values() if place in release.lineage]
            farther = {name for lineage in lineages for name in lineage[: lineage.index(place)]}
            if not any(entry.removeprefix(WITHOUT) in lists.get(name, ()) for name in farther):
                yield place, entry


@cache
def releases() -> Mapping[str, Distribution]:
    """Every release that images can be built on, by name."""
    found = {}
    for family, of_family in yaml.safe_load(FILE.read_text()).items():
        for distro, of_distro in of_family.pop("distributions").items():
            for version, of_release in of_distro.pop("releases").items():
                name = f"{distro}-{version}"
                known = {"name": name, "family": family, "distro": distro, "version": version}
                merged = {**of_family, **of_distro, **of_release, **known}
                found[name] = Distribution.model_validate(_filled(merged, merged))
    return found


def _filled(value: Any, words: Mapping[str, Any]) -> Any:
    """A value of the file with its placeholders filled in."""
    match value:
        case str():
            return value.format_map(words)
        case list():
            return [_filled(item, words) for item in value]
        case dict():
            return {word: _filled(item, words) for word, item in value.items()}
        case _:
            return value
