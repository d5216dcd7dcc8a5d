"""Distribution packages, and which of them came through us."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from . import commands
from .manifest import Manifest

PATIENT = ("-o", "DPkg::Lock::Timeout=300")
"""A machine that was just switched on is busy with upgrades of its own (apt-get(8): 0 s by default)."""


def supported() -> bool:
    """Whether this is a distribution whose packages we can install: the Debian family."""
    return shutil.which("apt-get") is not None


def installed() -> set[str]:
    """Names of the installed packages."""
    lines = commands.run("dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\n").splitlines()
    return {line.split()[1] for line in lines if line.startswith("ii")}


def install(names: Sequence[str], if_known: Sequence[str], manifest: Manifest) -> list[str]:
    """Install what is missing of `names`, and of `if_known` what this distribution has.

    Everything that came, dependencies included, goes into the manifest. What came, sorted.
    """
    before = installed()
    if before.issuperset(names):
        return []
    commands.run("apt-get", "update", "-q")
    wanted = [name for name in (*names, *known(if_known)) if name not in before]
    # Listed before they come: killed in between, destroy still knows of these.
    manifest.add("packages", wanted)
    commands.run("apt-get", "install", "-q", "-y", *PATIENT, "--no-install-recommends", *wanted)
    came = sorted(installed() - before)
    manifest.add("packages", came)
    return came


def known(names: Sequence[str]) -> list[str]:
    """Those of `names` that the package lists have."""
    return [name for name in names if commands.run("apt-cache", "madison", name).strip()]


def offered(name: str) -> str:
    """The version of a package that would be installed, or is; empty when the lists have none."""
    commands.run("apt-get", "update", "-q")
    lines = commands.run("apt-cache", "policy", name).splitlines()
    found = [line.split()[1] for line in lines if line.strip().startswith("Candidate:")]
    return found[0] if found and found[0] != "(none)" else ""


def needing(manifest: Manifest) -> list[str]:
    """Packages that came otherwise and would have to go with those the manifest lists, sorted."""
    here = _here(manifest)
    if not here:
        return []
    simulated = commands.run("apt-get", "purge", "-q", "--simulate", *here).splitlines()
    gone = {line.split()[1] for line in simulated if line.startswith(("Purg ", "Remv "))}
    return sorted(gone - set(here))


def purge(manifest: Manifest) -> list[str]:
    """Remove the packages the manifest lists; what went, sorted."""
    here = _here(manifest)
    if here:
        commands.run("apt-get", "purge", "-q", "-y", *PATIENT, *here)
    manifest.remove("packages", manifest.entries("packages"))
    return here


def _here(manifest: Manifest) -> list[str]:
    return sorted(set(manifest.entries("packages")) & installed())
