"""The parts of a service that several checks look at, each with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kolla.catalogue import upgrades
from kolla.catalogue.model import Container, Job, Service

Place = tuple[str | int, ...]
"""Keys and list indexes leading to a part of a `service.yml`."""


class Broken(NamedTuple):
    """A rule that a part breaks."""

    path: Place
    what: str
    expected: str


def jobs_of(service: Service) -> Iterator[tuple[Place, Job]]:
    """Every job of a service and its place in the file."""
    for name, job in service.jobs.items():
        yield ("jobs", name), job
    for capability, provision in service.provides.items():
        if provision.job:
            yield ("provides", capability.value, "job"), provision.job
    for name, check in service.checks.items():
        yield ("checks", name, "job"), check.job
    for name, verb in service.verbs.items():
        yield ("verbs", name, "job"), verb.job
        if verb.check:
            yield ("verbs", name, "check"), verb.check
        if verb.chooses:
            yield ("verbs", name, "chooses"), verb.chooses
    if service.leaving is not None:
        for word, leaving in (("occupied", service.leaving.occupied), ("forget", service.leaving.forget)):
            if leaving is not None:
                yield ("leaving", word), leaving
    for part, jobs in upgrades.jobs(service.upgrade).items():
        for name, job in jobs.items():
            yield ("upgrade", part, name), job


def mounting(service: Service) -> Iterator[tuple[Place, Container | Job]]:
    """Everything of a service that has volumes, and its place in the file."""
    yield from ((("containers", name), container) for name, container in service.containers.items())
    yield from jobs_of(service)


def dependencies(service: Service) -> list[str]:
    """What `after` and `before` may name: the service's own parts and the capabilities it needs."""
    return [
        *(f"job/{name}" for name in service.jobs),
        *upgrades.references(service.upgrade),
        *(f"container/{name}" for name in service.containers),
        *(f"endpoint/{name}" for name in service.endpoints),
        *(capability.value for capability in (*service.needs, *service.may_need)),
    ]


def awaited(service: Service) -> list[str]:
    """What `after` may name: besides, its containers on all their hosts."""
    return [*dependencies(service), *(f"containers/{name}" for name in service.containers)]
