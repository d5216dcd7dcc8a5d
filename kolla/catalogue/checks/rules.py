"""Rules between the parts of one service."""

from __future__ import annotations

from collections.abc import Iterator

from kolla.catalogue.catalogue import OWN_VERBS, Catalogue
from kolla.catalogue.checks.parts import Place, jobs_of, mounting
from kolla.catalogue.model import FIRST, Capability, Job, Service, ServiceFolder, Storage, Verb
from kolla.catalogue.privileges import extras
from kolla.errors import InputError


def broken(catalogue: Catalogue, folder: ServiceFolder) -> Iterator[InputError]:
    """Every rule that a service breaks."""
    service = folder.service

    def wrong(path: Place, what: str, expected: str) -> InputError:
        return InputError(what, where=catalogue.where(service.name, *path), expected=expected)

    if service.containers and service.enabled is None:
        yield wrong(("containers",), "there are containers but no 'enabled'", "enabled: true or false")
    if service.databases and Capability.DATABASE not in service.needs:
        yield wrong(("databases",), "databases without the need for one", "'database' in 'needs'")
    storage = Capability.STORAGE in (*service.needs, *service.may_need)
    if service.storage != Storage() and not storage:
        expected = "'storage' in 'needs' or 'may_need'"
        yield wrong(("storage",), "pools or users of storage without the need for it", expected)
    identities = (Capability.IDENTITY in service.needs, Capability.IDENTITY in service.provides)
    if service.identity and not any(identities):
        yield wrong(("identity",), "an identity without the need for one", "'identity' in 'needs'")
    for name, container in service.containers.items():
        health = container.health
        if health is None:
            continue
        given = [bool(health.http), bool(health.listen), bool(health.connected), bool(health.command)]
        if sum(given) != 1:
            yield wrong(
                ("containers", name, "health"),
                f"the health check of '{name}' has {sum(given)} ways to find out",
                "exactly one of http, listen, connected, command",
            )
    images = [image for f in catalogue.folders.values() for image in f.service.images]
    for name, container in service.containers.items():
        if container.privileges_reason or (container.image or name) not in images:
            continue
        if asked := extras(catalogue, name, container):
            yield wrong(
                ("containers", name),
                f"'{name}' asks for {', '.join(asked)}, and does not say why",
                "'privileges_reason'",
            )
    several = {name for name, container in service.containers.items() if container.for_each is not None}
    single = "a container there is one of on a host"
    for path, job in jobs_of(service):
        if job.container in several:
            yield wrong((*path, "container"), f"there may be several of '{job.container}'", single)
    for name, endpoint in service.endpoints.items():
        if endpoint.container in several:
            where = ("endpoints", name, "container")
            yield wrong(where, f"there may be several of '{endpoint.container}'", single)
    for name, container in service.containers.items():
        if FIRST in container.after and not container.volumes:
            what = f"nothing tells which host has the data of '{name}' already"
            yield wrong(("containers", name, "after"), what, "'volumes'")
    for name, container in service.containers.items():
        for index, former in enumerate(container.formerly):
            if former in service.containers:
                here = ("containers", name, "formerly", index)
                yield wrong(here, f"there still is a container '{former}'", "the name of one that is gone")
    for capability, provision in service.provides.items():
        programs = (provision.drain, provision.admit, provision.drained)
        if any(programs) and not (provision.container and all(programs)):
            what = "whom the proxy passes nothing on to cannot be changed, changed back, and seen"
            expected = "all of 'container', 'drain', 'admit', 'drained', or none"
            yield wrong(("provides", capability.value), what, expected)
    volumes = {volume for _, part in mounting(service) for volume in part.volumes}
    for volume, former in service.formerly.items():
        if former in volumes:
            what = f"there still is a volume '{former}'"
            yield wrong(("formerly", volume), what, "the name of one that is gone")
    for name, verb in service.verbs.items():
        if name in OWN_VERBS:
            yield wrong(("verbs", name), f"kolla has a verb '{name}' of its own", "another name")
        if verb.check and not verb.replaces:
            what = f"'{name}' checks something first and stops nothing afterwards"
            yield wrong(("verbs", name, "check"), what, "'replaces'")
        told = verb.argument is not None and verb.argument.required
        if verb.one_host and not (told and _everywhere(verb)):
            what = f"'{name}' is about one host, and nobody says which, or its job is not for each"
            yield wrong(("verbs", name), what, "an 'argument' that is 'required', and jobs with 'each_host'")
        if verb.chooses and not (verb.replaces and verb.argument is None and _everywhere(verb)):
            what = f"'{name}' chooses a host, and is told one, stops nothing, or has a job not for each"
            expected = "'replaces', no 'argument', and jobs with 'each_host'"
            yield wrong(("verbs", name, "chooses"), what, expected)
        if verb.anywhere and (verb.one_host or verb.replaces or not verb.job.each_host):
            what = f"'{name}' is done on any one of its job's hosts, and there is but one, or each matters"
            yield wrong(
                ("verbs", name, "anywhere"), what, "a job with 'each_host', no 'one_host', no 'replaces'"
            )
        if verb.host_off and not (told and verb.anywhere):
            what = f"'{name}' is about a host that is off, and nobody says which, or that is where it is done"
            yield wrong(("verbs", name, "host_off"), what, "an 'argument' that is 'required', and 'anywhere'")
        if verb.replaces and not verb.loses:
            what = f"'{name}' replaces data and does not say what is lost"
            yield wrong(("verbs", name), what, "'loses'")
    for path, job in jobs_of(service):
        if (job.container is None) == (job.image is None):
            yield wrong(path, "a job runs in a container's place or in an image", "'container' or 'image'")
        if job.first and not _has_first(service, job, path):
            what = "a job for the first host is one that the containers of the others wait for"
            yield wrong(path, what, "one of 'jobs', with a 'container' that says 'first' in 'after'")
        if job.takeover and (job.container is None or job.after or path[0] != "jobs"):
            what = "a job that sees whether an image may have the data comes before everything else"
            yield wrong(path, what, "one of 'jobs', with 'container', without 'after'")
        if not service.containers and not service.groups:
            what = "a job runs where a container of its service does; it has none"
            yield wrong(path, what, "a container, or a group")
    for name, setting in service.settings.items():
        if setting.required and setting.default is not None:
            yield wrong(("settings", name), f"'{name}' is required and has a default", "only one of the two")
        if setting.minimum is not None and setting.type not in ("integer", "number"):
            what = f"'{name}' is no integer and no number"
            yield wrong(("settings", name, "minimum"), what, "type: integer")


def _everywhere(verb: Verb) -> bool:
    """Whether all jobs of a verb are done on each of its hosts."""
    return all(job.each_host for job in (verb.job, verb.check, verb.chooses) if job is not None)


def _has_first(service: Service, job: Job, path: Place) -> bool:
    container = service.containers.get(job.container or "")
    return container is not None and FIRST in container.after and path[0] == "jobs" and not job.each_host
