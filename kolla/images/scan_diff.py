"""What changed between two builds, by their bills of materials. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kolla.images.versions import Kind, sort_key

Installed = Mapping[tuple[Kind, str], Sequence[str]]
"""Package -> its versions in an image."""

What = Literal["downgraded", "upgraded", "added", "removed"]
ORDER: tuple[What, ...] = ("downgraded", "upgraded", "added", "removed")
"""The worst first."""


@dataclass(frozen=True)
class Change:
    """One package that is not what it was."""

    what: What
    kind: Kind
    name: str
    before: str
    """Its version; empty when it was added."""
    after: str
    """Its version; empty when it was removed."""


def changes(before: Installed, after: Installed) -> tuple[Change, ...]:
    """Every package that is not the same in both, the downgraded ones first.

    Of a package that is there several times, what both have is left out, and the rest is paired in order.
    Versions that mean the same though they are written differently are no change.
    """
    found = [
        change
        for kind, name in before.keys() | after.keys()
        for change in _package(kind, name, before.get((kind, name), ()), after.get((kind, name), ()))
    ]
    return tuple(sorted(found, key=lambda c: (ORDER.index(c.what), c.kind, c.name, c.before, c.after)))


def _package(kind: Kind, name: str, before: Sequence[str], after: Sequence[str]) -> Iterator[Change]:
    old, new = (
        sorted((Counter(these) - Counter(others)).elements(), key=lambda version: sort_key(kind, version))
        for these, others in ((before, after), (after, before))
    )
    for a, b in zip(old, new, strict=False):
        earlier, later = sort_key(kind, a), sort_key(kind, b)
        if earlier != later:
            yield Change("downgraded" if later < earlier else "upgraded", kind, name, a, b)
    both = min(len(old), len(new))
    yield from (Change("removed", kind, name, version, "") for version in old[both:])
    yield from (Change("added", kind, name, "", version) for version in new[both:])
