"""The release lock: every Python distribution of a release in one version, with hashes.

The file is what `uv pip compile --generate-hashes` writes. Its `# via` comments say who needs what, so
the part of the lock that one image installs can be cut out without resolving anything again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

from kolla.errors import InputError, Location, did_you_mean

PATCHED_TOGETHER = "+"
"""Between the names of distributions that one patch is for: no name has it (PEP 508)."""


@dataclass(frozen=True)
class Requirement:
    """One pinned distribution."""

    name: str
    """Normalised as PEP 503 says."""
    version: str
    hashes: tuple[str, ...]
    wanted_by: tuple[str, ...]
    """Distributions of the lock that depend on it; a root of the lock may have none."""

    @property
    def pin(self) -> str:
        """`name==version`."""
        return f"{self.name}=={self.version}"

    @property
    def hashed(self) -> str:
        """The pin with its hashes, on one line."""
        return " ".join([self.pin, *(f"--hash={h}" for h in self.hashes)])


class MissingLock(InputError):
    """A release has no lock on a base distribution."""


@dataclass(frozen=True)
class Lock:
    """The release lock for one base distribution."""

    path: Path
    requirements: Mapping[str, Requirement]

    @classmethod
    def load(cls, release: str, base: str) -> Lock:
        """The lock kept in the package for `release` ("2026.1") on `base` ("debian-13"), else MissingLock."""
        path = lock_path(release, base)
        try:
            return cls(path, parse(path.read_text()))
        except FileNotFoundError:
            raise MissingLock(
                f"there is no lock for release {release} on {base}",
                where=Location(path),
                hint=f"run: {command(release, base)} --constraints FILE|URL, "
                "or set another openstack_release",
            ) from None

    @cached_property
    def _needs(self) -> Mapping[str, Sequence[str]]:
        """Distribution -> those it depends on."""
        needs: dict[str, list[str]] = {}
        for requirement in self.requirements.values():
            for user in requirement.wanted_by:
                needs.setdefault(user, []).append(requirement.name)
        return needs

    def closure(self, roots: Iterable[str], *, wanted: str, where: Location) -> tuple[Requirement, ...]:
        """`roots` and all they depend on, by name; InputError naming `wanted` for what the lock lacks."""
        found: set[str] = set()
        todo = []
        for root in roots:
            if normalise(root) not in self.requirements:
                near = did_you_mean(normalise(root), self.requirements)
                raise InputError(
                    f"{wanted} installs '{root}', which the lock {self.path.name} does not hold",
                    where=where,
                    expected="a distribution that a service lists under `releases`, locked by: kolla lock",
                    hint=near,
                )
            todo.append(normalise(root))
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo.extend(self._needs.get(name, ()))
        return tuple(self.requirements[name] for name in sorted(found))


def lock_path(release: str, base: str) -> Path:
    """Where the lock of a release on a base distribution lies."""
    return Path(str(resources.files(__package__))) / "locks" / f"{release}-{base}.txt"


def command(release: str, base: str) -> str:
    """The command that makes the lock of a release on a base distribution, up to what it is made from."""
    distro, _, version = base.rpartition("-")
    return f"kolla lock --openstack-release {release} --base {distro} --base-version {version}"


def normalise(name: str) -> str:
    """A distribution's name in the form PEP 503 compares."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse(text: str) -> dict[str, Requirement]:
    """Read a requirements file with hashes and `# via` comments, by normalised name."""
    found: dict[str, Requirement] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        pin = re.match(r"([A-Za-z0-9._-]+)==([^\s\\;]+)", block)
        if pin is None:
            continue
        name = normalise(pin[1])
        comments = " ".join(re.findall(r"^\s+#(.*)$", block, re.MULTILINE))
        users = re.sub(r"-[rc] \S+", "", comments.partition("via")[2]).split()
        hashes = re.findall(r"--hash=(\S+)", block)
        found[name] = Requirement(name, pin[2], tuple(hashes), tuple(normalise(u) for u in users))
    return found
