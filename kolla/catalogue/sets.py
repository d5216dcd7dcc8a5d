"""Sets: names for containers that are started, stopped and looked at together.

Every service and every container is a set of its own; `sets:` in a service.yml adds named ones, to which
several services may add, and which may hold other sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter

from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.model import Service, ServiceFolder
from kolla.errors import InputError, did_you_mean


def named(folders: Iterable[ServiceFolder]) -> dict[str, frozenset[str]]:
    """Named set -> the containers these services have in it, by their names in the catalogue.

    Sets in which they have none are left out.
    """
    folders = tuple(folders)
    members = _members(folder.service for folder in folders)
    single = _single(folders)
    found: dict[str, frozenset[str]] = {}
    for name in TopologicalSorter(members).static_order():
        if name in members:
            found[name] = frozenset[str]().union(*(found[member] for member in members[name]))
        else:  # of a service that is not among these: nothing
            found[name] = single.get(name, frozenset())
    return {name: found[name] for name in sorted(members) if found[name]}


def known(folders: Iterable[ServiceFolder]) -> dict[str, frozenset[str]]:
    """Every set there is -> its containers: named ones, services, and single containers."""
    folders = tuple(folders)
    return {**_single(folders), **named(folders)}


def chosen(folders: Iterable[ServiceFolder], names: Iterable[str]) -> frozenset[str]:
    """The containers of several sets; InputError for a set that no enabled service has.

    A container's name in the engine (`nova_compute`) is as good as that in the catalogue.
    """
    sets = known(folders)
    found: set[str] = set()
    for name in names:
        meant = name if name in sets else name.replace("_", "-")
        if meant not in sets:
            raise InputError(
                f"there is no set, service or container '{name}' in this cloud",
                hint=did_you_mean(meant, sets) or "kolla status --sets lists them",
            )
        found |= sets[meant]
    return frozenset(found)


def check(catalogue: Catalogue) -> Iterator[InputError]:
    """Sets that hold what is not there or themselves, and names that stand for something else already."""
    services = {folder.name: folder.service for folder in catalogue.folders.values()}
    members = _members(services.values())
    taken = {*services, *(name for service in services.values() for name in service.containers)}
    for service in services.values():
        known = [*service.containers, service.name, *members]
        for name, own in service.sets.items():
            where = catalogue.where(service.name, "sets", name)
            if name in taken:
                yield InputError(
                    f"the set '{name}' is called like a service or a container",
                    where=where,
                    expected="a name of its own",
                )
            for index, member in enumerate(own):
                if member not in known:
                    yield InputError(
                        f"there is no container or set '{member}'",
                        where=catalogue.where(service.name, "sets", name, index),
                        expected=f"a container of '{service.name}', '{service.name}' itself, or a set",
                        hint=did_you_mean(member, known),
                    )
    try:
        TopologicalSorter(members).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1][::-1]  # graphlib names the predecessor first
        holder = next(s for s in services.values() if cycle[0] in s.sets)
        yield InputError(
            f"a set holds itself: {' -> '.join(cycle)}",
            where=catalogue.where(holder.name, "sets", cycle[0]),
        )


def _members(services: Iterable[Service]) -> dict[str, set[str]]:
    """Named set -> what it holds, of all services."""
    found: dict[str, set[str]] = {}
    for service in services:
        for name, members in service.sets.items():
            found.setdefault(name, set()).update(members)
    return found


def _single(folders: Iterable[ServiceFolder]) -> dict[str, frozenset[str]]:
    """Containers and services as sets; a service comes before a container of its name."""
    services = [folder.service for folder in folders]
    containers = {name: frozenset([name]) for service in services for name in service.containers}
    return containers | {s.name: frozenset(s.containers) for s in services if s.containers}
