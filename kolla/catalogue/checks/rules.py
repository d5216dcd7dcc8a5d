"""Rules between the parts of one service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.checks import jobs, verbs
from kolla.catalogue.checks.parts import Broken, jobs_of, mounting
from kolla.catalogue.model import FIRST, Capability, Service, ServiceFolder, Storage
from kolla.catalogue.privileges import extras
from kolla.errors import InputError


def broken(catalogue: Catalogue, folder: ServiceFolder) -> Iterator[InputError]:
    """Every rule that a service breaks."""
    service = folder.service
    found = chain(*(rule(service) for rule in _RULES), _privileges(catalogue, service))
    for path, what, expected in found:
        yield InputError(what, where=catalogue.where(service.name, *path), expected=expected)


def _needs(service: Service) -> Iterator[Broken]:
    """What is had of others is needed of them."""
    if service.databases and Capability.DATABASE not in service.needs:
        yield Broken(("databases",), "databases without the need for one", "'database' in 'needs'")
    if service.vhosts_for_each and Capability.MESSAGE_BUS not in service.needs:
        what = "virtual hosts of the message bus without the need for one"
        yield Broken(("vhosts_for_each",), what, "'message_bus' in 'needs'")
    if service.storage != Storage() and Capability.STORAGE not in (*service.needs, *service.may_need):
        what = "pools or users of storage without the need for it"
        yield Broken(("storage",), what, "'storage' in 'needs' or 'may_need'")
    if service.identity and Capability.IDENTITY not in (*service.needs, *service.provides):
        yield Broken(("identity",), "an identity without the need for one", "'identity' in 'needs'")


def _containers(service: Service) -> Iterator[Broken]:
    if service.containers and service.enabled is None:
        yield Broken(("containers",), "there are containers but no 'enabled'", "enabled: true or false")
    for name, container in service.containers.items():
        health, path = container.health, ("containers", name)
        if health is not None:
            ways = sum(map(bool, (health.http, health.listen, health.connected, health.command)))
            if ways != 1:
                what = f"the health check of '{name}' has {ways} ways to find out"
                yield Broken((*path, "health"), what, "exactly one of http, listen, connected, command")
        if FIRST in container.after and not container.volumes:
            what = f"nothing tells which host has the data of '{name}' already"
            yield Broken((*path, "after"), what, "'volumes'")


def _several(service: Service) -> Iterator[Broken]:
    """Where a container is meant that a host has one of, it is one."""
    several = {name for name, container in service.containers.items() if container.for_each is not None}
    for path, job in jobs_of(service):
        if (container := job.container) in several and path[0] not in ("jobs", "upgrade"):
            what = f"there may be several of '{container}'"
            yield Broken((*path, "container"), what, "a container there is one of on a host")


def _former_names(service: Service) -> Iterator[Broken]:
    """A name that something had is free."""
    expected = "the name of one that is gone"
    for name, container in service.containers.items():
        for index, former in enumerate(container.formerly):
            if former in service.containers:
                path = ("containers", name, "formerly", index)
                yield Broken(path, f"there still is a container '{former}'", expected)
    volumes = {volume for _, part in mounting(service) for volume in part.volumes}
    for volume, former in service.formerly.items():
        if former in volumes:
            yield Broken(("formerly", volume), f"there still is a volume '{former}'", expected)


def _members(service: Service) -> Iterator[Broken]:
    """A proxy's members can be taken out, put back and seen, or none of it."""
    for capability, provision in service.provides.items():
        programs = (provision.drain, provision.admit, provision.drained)
        if any(programs) and not (provision.container and all(programs)):
            what = "whom the proxy passes nothing on to cannot be changed, changed back, and seen"
            expected = "all of 'container', 'drain', 'admit', 'drained', or none"
            yield Broken(("provides", capability.value), what, expected)


def _settings(service: Service) -> Iterator[Broken]:
    for name, setting in service.settings.items():
        path = ("settings", name)
        if setting.required and setting.default is not None:
            yield Broken(path, f"'{name}' is required and has a default", "only one of the two")
        if setting.fields and (setting.type, setting.scope) != ("list", "cloud"):
            what = f"'{name}' is no list of mappings that holds for the whole cloud"
            yield Broken((*path, "fields"), what, "type: list, and no scope")
        if setting.minimum is not None and setting.type not in ("integer", "number"):
            yield Broken((*path, "minimum"), f"'{name}' is no integer and no number", "type: integer")


def _privileges(catalogue: Catalogue, service: Service) -> Iterator[Broken]:
    """What a container asks for beyond the usual has a reason. Of an unknown image nothing is known."""
    images = [image for folder in catalogue.folders.values() for image in folder.service.images]
    for name, container in service.containers.items():
        if container.privileges_reason or (container.image or name) not in images:
            continue
        if asked := extras(catalogue, name, container):
            what = f"'{name}' asks for {', '.join(asked)}, and does not say why"
            yield Broken(("containers", name), what, "'privileges_reason'")


_RULES: tuple[Callable[[Service], Iterator[Broken]], ...] = (
    _needs,
    _containers,
    _several,
    _former_names,
    _members,
    verbs.broken,
    jobs.broken,
    _settings,
)
