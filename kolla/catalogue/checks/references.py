"""Names a service refers to, and the names there are."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from kolla.catalogue import distribution
from kolla.catalogue.catalogue import EVERYWHERE, USUAL_GROUPS, Catalogue
from kolla.catalogue.checks.parts import Place, awaited, dependencies, jobs_of, mounting
from kolla.catalogue.model import FIRST, Container, Job, Requirements, Service
from kolla.errors import InputError, Location, did_you_mean

LINUX_CAPABILITIES = (
    *("AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN"),
    *("DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE"),
    *("LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE"),
    *("NET_BROADCAST", "NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN"),
    *("SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO"),
    *("SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM"),
)
"""capabilities(7), without `CAP_`. An engine refuses others, but only when the container is made."""

Reference = tuple[Place, str, str, Collection[str]]
"""Where, what kind of thing, its name, and the names there are."""


def unknown_names(catalogue: Catalogue, service: Service) -> Iterator[InputError]:
    """What a service refers to that is not there."""
    for path, kind, name, candidates in _references(catalogue, service):
        if name not in candidates:
            yield _unknown(catalogue.where(service.name, *path), kind, name, candidates)


def _references(catalogue: Catalogue, service: Service) -> Iterator[Reference]:
    """Every name a service refers to."""
    images = [name for f in catalogue.folders.values() for name in f.service.images]
    users = [name for f in catalogue.folders.values() for name in f.service.users]
    groups = [*USUAL_GROUPS, *catalogue.groups]
    containers = [name for f in catalogue.folders.values() for name in f.service.containers]
    for name, image in service.images.items():
        here: Place = ("images", name)
        if image.parent is not None:
            yield (*here, "parent"), "image", image.parent, images
        for source, other in image.copies.items():
            yield (*here, "copies", source), "image", other, images
        if image.user is not None:
            yield (*here, "user"), "user", image.user, users
        others = (("system_modules",), image.system_modules), (("unavailable",), image.unavailable)
        for words, said in (*image.package_lists(), *others):
            for platform in said:
                yield (*here, *words, platform), "base distribution", platform, distribution.names()
    for name, user in service.users.items():
        for index, group in enumerate(user.groups):
            yield ("users", name, "groups", index), "user", group, users
    for group, parents in service.groups.items():
        for index, parent in enumerate(parents):
            yield ("groups", group, index), "group", parent, [*groups, EVERYWHERE]
    for name in service.host.at_destroy:
        yield ("host", "at_destroy", name), "container", name, service.containers
    if service.host.group is not None:
        yield ("host", "group"), "group", service.host.group, groups
    for name, container in service.containers.items():
        yield from _container_references(service, name, container, images, users, groups, containers)
    for path, job in jobs_of(service):
        yield from _job_references(service, path, job, images, users)
    for name, endpoint in service.endpoints.items():
        yield ("endpoints", name, "container"), "container", endpoint.container, service.containers
    for name, check in service.checks.items():
        if check.canary is not None:
            yield ("checks", name, "canary"), "container", check.canary, service.containers
    if service.identity and service.identity.endpoint:
        yield ("identity", "endpoint"), "endpoint", service.identity.endpoint, service.endpoints
    for name, entry in service.identity.others.items() if service.identity else ():
        yield ("identity", "others", name, "endpoint"), "endpoint", entry.endpoint, service.endpoints
    for name in service.databases_for_each:
        yield ("databases_for_each", name), "database", name, service.databases
    for index, name in enumerate(service.upgrade.postponed):
        yield ("upgrade", "postponed", index), "job", name, service.jobs
    for name, words in service.upgrade.after.items():
        yield ("upgrade", "after", name), "container", name, service.containers
        for index, word in enumerate(words):
            yield ("upgrade", "after", name, index), "dependency", word, awaited(service)
    volumes = [volume for _, part in mounting(service) for volume in part.volumes]
    yield from _disk_references((), service.requires, volumes)
    for capability, provision in service.provides.items():
        here = ("provides", capability.value)
        if provision.endpoint:
            yield (*here, "endpoint"), "endpoint", provision.endpoint, service.endpoints
        if provision.volume:
            yield (*here, "volume"), "volume", provision.volume, volumes
        if provision.container:
            yield (*here, "container"), "container", provision.container, service.containers
        for word, verb_name in (("backup", provision.backup), ("restore", provision.restore)):
            if verb_name is not None:
                yield (*here, word), "verb", verb_name, service.verbs
    for volume in service.formerly:
        yield ("formerly", volume), "volume", volume, volumes
    for index, volume in enumerate(service.host_volumes):
        yield ("host_volumes", index), "volume", volume, volumes
    if service.leaving is not None:
        for name in service.leaving.container:
            yield ("leaving", "container"), "container", name, service.containers
        for word in ("drain", "undrain", "evacuate"):
            if (verb_name := getattr(service.leaving, word)) is not None:
                yield ("leaving", word), "verb", verb_name, service.verbs
    for name, verb in service.verbs.items():
        for index, volume in enumerate(verb.replaces):
            yield ("verbs", name, "replaces", index), "volume", volume, volumes
        for index, password in enumerate(verb.rotates):
            yield ("verbs", name, "rotates", index), "password", password, service.passwords


def _container_references(
    service: Service,
    name: str,
    container: Container,
    images: Collection[str],
    users: Collection[str],
    groups: Collection[str],
    containers: Collection[str],
) -> Iterator[Reference]:
    here: Place = ("containers", name)
    if container.image is None:
        yield here, "image", name, images
    else:
        yield (*here, "image"), "image", container.image, images
    if container.group is not None:
        yield (*here, "group"), "group", container.group, groups
    if container.user is not None:
        yield (*here, "user"), "user", container.user, [*users, "root"]
    for file, config in container.config.items():
        if config.owner is not None and config.owner != "root":
            yield (*here, "config", file, "owner"), "user", config.owner, users
    for index, capability in enumerate(container.capabilities):
        yield (*here, "capabilities", index), "Linux capability", capability, LINUX_CAPABILITIES
    for capability in container.capabilities_where:
        yield (*here, "capabilities_where", capability), "Linux capability", capability, LINUX_CAPABILITIES
    for index, word in enumerate(container.after):
        yield (*here, "after", index), "dependency", word, [*awaited(service), FIRST]
    for other in container.cannot_succeed:
        yield (*here, "cannot_succeed", other), "container", other, containers
    yield from _disk_references(here, container.requires, container.volumes)


def _disk_references(here: Place, requires: Requirements, volumes: Collection[str]) -> Iterator[Reference]:
    for place in requires.disk:
        if not place.startswith("/"):
            yield (*here, "requires", "disk", place), "volume", place, volumes


def _job_references(
    service: Service, here: Place, job: Job, images: Collection[str], users: Collection[str]
) -> Iterator[Reference]:
    if job.container is not None:
        yield (*here, "container"), "container", job.container, service.containers
    if job.image is not None:
        yield (*here, "image"), "image", job.image, images
    for file, config in job.config.items():
        if config.owner is not None and config.owner != "root":
            yield (*here, "config", file, "owner"), "user", config.owner, users
    for index, word in enumerate(job.after):
        yield (*here, "after", index), "dependency", word, awaited(service)
    for index, word in enumerate(job.before):
        yield (*here, "before", index), "dependency", word, dependencies(service)


def _unknown(where: Location, kind: str, name: str, candidates: Collection[str]) -> InputError:
    known = sorted(set(candidates))
    hint = did_you_mean(name, known)
    # A name of another service may be near, too; only the whole list says that capabilities stand for those.
    listed = known and (not hint or kind == "dependency")
    expected = f"one of {', '.join(known)}" if listed else None
    return InputError(f"there is no {kind} '{name}'", where=where, expected=expected, hint=hint)
