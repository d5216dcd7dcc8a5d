"""Containers of which there is one for each item of a list setting.

The catalogue has such a container once; in a cloud's settings there is one under a name of its own for every
name that a host's list has, and everything that names the one names them all. Its endpoints and jobs are for
each item as well.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kolla.catalogue import upgrades
from kolla.catalogue.model import Container, Endpoint, Job, Requirements, Service, ServiceFolder, Upgrade
from kolla.errors import InputError, Location
from kolla.settings.expressions import evaluate

NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
"""An item's: it is part of the names of a container and of volumes."""

Items = Mapping[str, Mapping[str, Any]]
"""Host -> item."""


def items(
    folder: ServiceFolder,
    hosts_of: Callable[[str], Sequence[str]],
    scope: Callable[[str], Mapping[str, Any]],
    where: Callable[[str], Location],
) -> dict[str, dict[str, dict[str, Mapping[str, Any]]]]:
    """Container -> name of an item -> host -> the item. InputError for a list that cannot be."""
    found: dict[str, dict[str, dict[str, Mapping[str, Any]]]] = {}
    for name, container in folder.service.containers.items():
        if container.for_each is None:
            continue
        own = found[name] = {}
        for host in hosts_of(container.group or folder.name):
            value = evaluate(container.for_each, scope(host), where(container.for_each))
            for item_name, item in _named(value, f"host '{host}': ", where(container.for_each)):
                own.setdefault(item_name, {})[host] = item
    return found


def names(value: Any, where: Location) -> tuple[str, ...]:
    """Of the items of a list that holds for the whole cloud. InputError for a list that cannot be."""
    return tuple(name for name, _ in _named(value, "", where))


def _named(value: Any, whose: str, where: Location) -> Iterator[tuple[str, Mapping[str, Any]]]:
    seen: set[str] = set()
    for item in value if isinstance(value, list) else [value]:
        name = str(item.get("name", "")) if isinstance(item, Mapping) else ""
        if not NAME.fullmatch(name):
            raise InputError(
                f"{whose}{item!r} has no name that a container could have",
                where=where,
                expected="a list of mappings, each with a `name` of lower-case letters, digits and -",
            )
        if name in seen:
            raise InputError(f"{whose}two items are called '{name}'", where=where)
        seen.add(name)
        yield name, item


def expanded(service: Service, found: Mapping[str, Mapping[str, Items]]) -> Service:
    """The service with a container for each item in the place of those that are for each."""
    if not found:
        return service
    names = {name: tuple(container_name(name, item) for item in own) for name, own in found.items()}
    volumes = {
        volume: tuple(volume_name(volume, item) for item in own)
        for name, own in found.items()
        for volume in service.containers[name].volumes
    }
    every_job = ChainMap(dict(service.jobs), *map(dict, upgrades.jobs(service.upgrade).values()))

    def called(parts: Mapping[str, Endpoint | Job]) -> dict[str, tuple[str, ...]]:
        return {
            name: tuple(own for own, _ in _placed(name, part.container, found))
            for name, part in parts.items()
        }

    instead = {
        "container": names,
        "containers": names,
        "endpoint": called(service.endpoints),
        "job": called(every_job),
    }

    def words(given: Sequence[str]) -> tuple[str, ...]:
        """References, where those to one stand for all."""
        return tuple(
            other
            for word in given
            for kind, _, name in [word.partition("/")]
            for other in (
                [f"{kind}/{each}" for each in instead[kind][name]]
                if name in instead.get(kind, ())
                else [word]
            )
        )

    def jobs(given: Mapping[str, Job]) -> dict[str, Job]:
        return {
            own: job.model_copy(update={"after": words(job.after), "before": words(job.before), **container})
            for name, job in given.items()
            for own, container in _placed(name, job.container, found)
        }

    containers: dict[str, Container] = {}
    for name, container in service.containers.items():
        container = container.model_copy(update={"after": words(container.after)})
        if name not in found:
            containers[name] = container
            continue
        for item in found[name]:
            containers[container_name(name, item)] = _one(name, container, item)
    endpoints: dict[str, Endpoint] = {
        own: endpoint.model_copy(update=container)
        for name, endpoint in service.endpoints.items()
        for own, container in _placed(name, endpoint.container, found)
    }
    return service.model_copy(
        update={
            "containers": containers,
            "endpoints": endpoints,
            "jobs": jobs(service.jobs),
            "upgrade": _upgrade(service.upgrade, names, instead["job"], words, jobs),
            "sets": {
                **{name: _flat(members, names) for name, members in service.sets.items()},
                **{name: own for name, own in names.items() if own},
            },
            "host_volumes": _flat(service.host_volumes, volumes),
            "verbs": {
                name: verb.model_copy(update={"replaces": _flat(verb.replaces, volumes)})
                for name, verb in service.verbs.items()
            },
        }
    )


def _placed(
    name: str, container: str | None, found: Mapping[str, Mapping[str, Items]]
) -> list[tuple[str, dict[str, str]]]:
    """What an endpoint or a job is called, and the container it is of where that is another one."""
    if container is None or container not in found:
        return [(name, {})]
    return [
        (container_name(name, item), {"container": container_name(container, item)})
        for item in found[container]
    ]


def container_name(container: str, item: str) -> str:
    """What the container for one item is called: `ceph-osd-a`; an endpoint or a job of it likewise."""
    return f"{container}-{item}"


def volume_name(volume: str, item: str) -> str:
    """What a volume of the container for one item is called: `ceph_osd_a`; a database, or a virtual
    host of the message bus, likewise."""
    return f"{volume}_{item.replace('-', '_')}"


def _flat(given: Sequence[str], instead: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(other for word in given for other in instead.get(word, (word,)))


def _one(name: str, container: Container, item: str) -> Container:
    """The container for one item; its volumes are its own."""
    own = {volume: volume_name(volume, item) for volume in container.volumes}
    disk = {own.get(place, place): amount for place, amount in container.requires.disk.items()}
    requires: Requirements = container.requires.model_copy(update={"disk": disk})
    return container.model_copy(
        update={
            "image": container.image or name,
            "volumes": {own[volume]: path for volume, path in container.volumes.items()},
            "requires": requires,
        }
    )


def _upgrade(
    upgrade: Upgrade,
    containers: Mapping[str, tuple[str, ...]],
    jobs_instead: Mapping[str, tuple[str, ...]],
    words: Callable[[Sequence[str]], tuple[str, ...]],
    jobs: Callable[[Mapping[str, Job]], Mapping[str, Job]],
) -> Upgrade:
    return upgrade.model_copy(
        update={
            "after": {
                each: words(after)
                for name, after in upgrade.after.items()
                for each in containers.get(name, (name,))
            },
            "postponed": _flat(upgrade.postponed, jobs_instead),
            **{part: jobs(of) for part, of in upgrades.jobs(upgrade).items()},
        }
    )
