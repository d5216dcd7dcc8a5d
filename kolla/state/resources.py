"""What a service needs of a host itself: kernel modules, sysctls, shared mounts, directories, a firewall."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kolla.catalogue.model import Model


class Resources(Model):
    """Such things as they should be, as they are, or as they were given."""

    modules: tuple[str, ...] = ()
    """Kernel modules that are loaded."""
    sysctls: dict[str, str] = {}
    """Name -> value, its words one space apart."""
    shared_mounts: tuple[str, ...] = ()
    """Directories on a mount whose propagation is shared."""
    directories: dict[str, str] = {}
    """Path -> mode, four octal digits."""
    files: dict[str, str] = {}
    """Path -> text; what brings the rest back after a reboot."""
    at_destroy: dict[str, tuple[str, ...]] = {}
    """Container in the engine -> the command run in it before it is destroyed."""
    firewall: tuple[str, ...] = ()
    """Rules about packets that come in, as nft(8) reads them."""

    def __bool__(self) -> bool:
        return self != Resources()


def union(several: Iterable[Resources]) -> Resources:
    """All of them, sorted; of a name that several have, the last one's value."""
    modules: set[str] = set()
    mounts: set[str] = set()
    rules: set[str] = set()
    named: dict[str, dict[str, Any]] = {"sysctls": {}, "directories": {}, "files": {}, "at_destroy": {}}
    for each in several:
        modules |= set(each.modules)
        mounts |= set(each.shared_mounts)
        rules |= set(each.firewall)
        for field, values in named.items():
            values |= getattr(each, field)
    return Resources(
        modules=tuple(sorted(modules)),
        shared_mounts=tuple(sorted(mounts)),
        firewall=tuple(sorted(rules)),
        **named,
    )


def boot_files(service: str, resources: Resources) -> dict[str, str]:
    """The files with which the host itself brings resources back when it starts.

    modules-load.d(5), sysctl.d(5), tmpfiles.d(5): what is below /run is gone after a start. Mounts are made
    shared again by the next deploy, where init does not share everything anyway.
    """
    own = {path: "0755" for path in resources.shared_mounts} | resources.directories
    lines = {
        "modules-load.d": list(resources.modules),
        "sysctl.d": [f"{name} = {value}" for name, value in resources.sysctls.items()],
        "tmpfiles.d": [f"d {path} {mode}" for path, mode in own.items() if path.startswith("/run/")],
    }
    return {
        f"/etc/{directory}/kolla-{service}.conf": "\n".join([HEADER, *text]) + "\n"
        for directory, text in lines.items()
        if text
    }


HEADER = "# Written by kolla deploy; kolla destroy removes it."


def differences(wanted: Resources, observed: Resources, given: Resources | None) -> list[str]:
    """How a host is not as a service needs it, one phrase each; empty when nothing is to be done."""
    causes = list(_missing(wanted, observed)) + list(_superfluous(wanted, given or Resources()))
    if given is not None and given.at_destroy != wanted.at_destroy:
        causes.append("what ends at a destroy has changed")
    if not causes and (given or Resources()) != wanted:
        causes = ["nothing on the host says that it was done"]
    return causes


def _missing(wanted: Resources, observed: Resources) -> Iterator[str]:
    for name in wanted.modules:
        if name not in observed.modules:
            yield f"kernel module {name} is not loaded"
    for name, value in wanted.sysctls.items():
        if observed.sysctls.get(name) != value:
            yield f"sysctl {name}: {observed.sysctls.get(name, '(none)')} -> {value}"
    for path, mode in wanted.directories.items():
        if path not in observed.directories:
            yield f"directory {path} does not exist"
        elif observed.directories[path] != mode:
            yield f"directory {path}: mode {observed.directories[path]} -> {mode}"
    for path in wanted.shared_mounts:
        if path not in observed.shared_mounts:
            yield f"{path} is not on a shared mount"
    for path, text in wanted.files.items():
        if path not in observed.files:
            yield f"{path} does not exist"
        elif observed.files[path] != text:
            yield f"{path} has changed"
    for rule in wanted.firewall:
        if rule not in observed.firewall:
            yield f"the firewall does not have the rule {rule}"


def _superfluous(wanted: Resources, given: Resources) -> Iterator[str]:
    """What a service was given and needs no more."""
    pairs: list[tuple[str, Iterable[str], Iterable[str]]] = [
        ("kernel module", given.modules, wanted.modules),
        ("sysctl", given.sysctls, wanted.sysctls),
        ("directory", given.directories, wanted.directories),
        ("shared mount", given.shared_mounts, wanted.shared_mounts),
        ("firewall rule", given.firewall, wanted.firewall),
    ]
    for kind, had, needs in pairs:
        yield from (f"{kind} {name} is no longer needed" for name in had if name not in needs)
