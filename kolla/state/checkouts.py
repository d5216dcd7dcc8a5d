"""Development: containers that run from a checkout on their host instead of what their image holds.

A checkout is mounted read-only, and comes first on Python's path; everything else (programs, dependencies,
metadata) stays that of the image. Which image installs what, the build report says.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from packaging.utils import canonicalize_name

from kolla.build_report import BuildReport, BuiltImage
from kolla.errors import InputError, Location, did_you_mean
from kolla.state.spec import Mount

KEY = "development_checkouts"

PLACE = "/var/lib/kolla/checkouts"
"""Where containers see them, each below the name of its distribution."""

LAYOUTS = (".", "src")
"""Where in a checkout its packages may be."""


def installed(report: BuildReport, image: BuiltImage) -> frozenset[str]:
    """The Python distributions an image holds, its parents' included."""
    found: set[str] = set()
    current: BuiltImage | None = image
    while current is not None:
        found |= current.inputs.python.keys() if current.inputs else set()
        current = report.images.get(current.parent) if current.parent else None
    return frozenset(found)


def check(checkouts: Mapping[str, str], report: BuildReport, where: Location) -> None:
    """InputError for a distribution that no image holds, and for a path that is not absolute."""
    known = {name for image in report.images.values() for name in installed(report, image)}
    for name, path in checkouts.items():
        if canonicalize_name(name) not in known:
            raise InputError(
                f"{KEY}: no image that was built installs '{name}'",
                where=where,
                hint=did_you_mean(canonicalize_name(name), known),
            )
        if not PurePosixPath(path).is_absolute():
            raise InputError(f"{KEY}: '{path}' is no absolute path on the host", where=where)


def mounts(checkouts: Mapping[str, str], distributions: frozenset[str]) -> dict[str, Mount]:
    """The checkouts that concern a container of an image with these distributions, by distribution."""
    given = {canonicalize_name(name): path for name, path in checkouts.items()}
    return {
        name: Mount(type="bind", source=path, target=f"{PLACE}/{name}", read_only=True)
        for name, path in sorted(given.items())
        if name in distributions
    }


def python_path(names: Mapping[str, Mount]) -> str:
    """Python's path that puts these checkouts first; empty without any."""
    places = (PurePosixPath(mount.target) / layout for mount in names.values() for layout in LAYOUTS)
    return ":".join(str(place) for place in places)
