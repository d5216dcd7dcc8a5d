"""What a single `service.yml` cannot know: names that must exist, and names two services both claim."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from graphlib import CycleError, TopologicalSorter

from kolla.catalogue import distribution, image_checks, sets, upgrades
from kolla.catalogue.catalogue import EVERYWHERE, OWN_VERBS, USUAL_GROUPS, Catalogue, groups_of
from kolla.catalogue.model import (
    FIRST,
    Capability,
    Container,
    Job,
    Requirements,
    Service,
    ServiceFolder,
    Storage,
    Verb,
)
from kolla.catalogue.privileges import extras
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

_Path = tuple[str | int, ...]
_Claims = Callable[[ServiceFolder], Iterable[tuple[str, _Path]]]


def check(catalogue: Catalogue) -> Iterator[InputError]:
    """Every wrong reference and every conflict between services."""
    for folder in catalogue.folders.values():
        for path, kind, name, candidates in _references(catalogue, folder.service):
            if name not in candidates:
                yield _unknown(catalogue.where(folder.name, *path), kind, name, candidates)
        yield from _rules(catalogue, folder)
        yield from _missing_files(catalogue, folder)
        yield from _waiting_cycles(catalogue, folder.service)
    yield from image_checks.check(catalogue)
    yield from sets.check(catalogue)
    yield from _group_cycles(catalogue)
    yield from _conflicts(catalogue)


_Reference = tuple[_Path, str, str, Collection[str]]
"""Where, what kind of thing, its name, and the names there are."""


def _references(catalogue: Catalogue, service: Service) -> Iterator[_Reference]:
    """Every name a service refers to."""
    images = [name for f in catalogue.folders.values() for name in f.service.images]
    users = [name for f in catalogue.folders.values() for name in f.service.users]
    groups = [*USUAL_GROUPS, *catalogue.groups]
    for name, image in service.images.items():
        here: _Path = ("images", name)
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
        yield from _container_references(service, name, container, images, users, groups)
    for path, job in _jobs(service):
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
    for index, name in enumerate(service.upgrade.postponed):
        yield ("upgrade", "postponed", index), "job", name, service.jobs
    for name, words in service.upgrade.after.items():
        yield ("upgrade", "after", name), "container", name, service.containers
        for index, word in enumerate(words):
            yield ("upgrade", "after", name, index), "dependency", word, _dependencies(service)
    volumes = [volume for _, part in _mounting(service) for volume in part.volumes]
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
        yield ("leaving", "container"), "container", service.leaving.container, service.containers
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
) -> Iterator[_Reference]:
    here: _Path = ("containers", name)
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
    for index, word in enumerate(container.after):
        yield (*here, "after", index), "dependency", word, [*_dependencies(service), FIRST]
    yield from _disk_references(here, container.requires, container.volumes)


def _disk_references(here: _Path, requires: Requirements, volumes: Collection[str]) -> Iterator[_Reference]:
    for place in requires.disk:
        if not place.startswith("/"):
            yield (*here, "requires", "disk", place), "volume", place, volumes


def _job_references(
    service: Service, here: _Path, job: Job, images: Collection[str], users: Collection[str]
) -> Iterator[_Reference]:
    if job.container is not None:
        yield (*here, "container"), "container", job.container, service.containers
    if job.image is not None:
        yield (*here, "image"), "image", job.image, images
    for file, config in job.config.items():
        if config.owner is not None and config.owner != "root":
            yield (*here, "config", file, "owner"), "user", config.owner, users
    for index, word in enumerate(job.after):
        yield (*here, "after", index), "dependency", word, _dependencies(service)
    for index, word in enumerate(job.before):
        yield (*here, "before", index), "dependency", word, _dependencies(service)


def _everywhere(verb: Verb) -> bool:
    """Whether all jobs of a verb are done on each of its hosts."""
    return all(job.each_host for job in (verb.job, verb.check, verb.chooses) if job is not None)


def _jobs(service: Service) -> Iterator[tuple[_Path, Job]]:
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


def _mounting(service: Service) -> Iterator[tuple[_Path, Container | Job]]:
    """Everything of a service that has volumes, and its place in the file."""
    yield from ((("containers", name), container) for name, container in service.containers.items())
    yield from _jobs(service)


def _dependencies(service: Service) -> list[str]:
    """What `after` and `before` may name: the service's own parts and the capabilities it needs."""
    return [
        *(f"job/{name}" for name in service.jobs),
        *upgrades.references(service.upgrade),
        *(f"container/{name}" for name in service.containers),
        *(f"endpoint/{name}" for name in service.endpoints),
        *(capability.value for capability in (*service.needs, *service.may_need)),
    ]


def _rules(catalogue: Catalogue, folder: ServiceFolder) -> Iterator[InputError]:
    """Rules between the parts of one service."""
    service = folder.service

    def wrong(path: _Path, what: str, expected: str) -> InputError:
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
    for path, job in _jobs(service):
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
    volumes = {volume for _, part in _mounting(service) for volume in part.volumes}
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
    for path, job in _jobs(service):
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
        if setting.minimum is not None and setting.type != "integer":
            yield wrong(("settings", name, "minimum"), f"'{name}' is no integer", "type: integer")


def _has_first(service: Service, job: Job, path: _Path) -> bool:
    container = service.containers.get(job.container or "")
    return container is not None and FIRST in container.after and path[0] == "jobs" and not job.each_host


def _missing_files(catalogue: Catalogue, folder: ServiceFolder) -> Iterator[InputError]:
    """Files of `image/` and templates of `config/` that are named and not there."""
    for path, subfolder, name in _files(folder.service):
        where = catalogue.where(folder.name, *path)
        try:
            own = subfolder == "image"
            file = folder.image_file(name) if own else catalogue.template(folder, name)
        except InputError as error:
            error.where = where
            yield error
            continue
        if not file.is_file():
            present = [other.name for other in file.parent.glob("*")]
            yield InputError(
                f"there is no file '{subfolder}/{file.name}'",
                where=where,
                expected=f"a file of {file.parent}",
                hint=did_you_mean(file.name, present),
            )


def _files(service: Service) -> Iterator[tuple[_Path, str, str]]:
    """Where a file is named, the subfolder it must be in, and its name."""
    for name, image in service.images.items():
        for file in image.files:
            yield ("images", name, "files", file), "image", file
        if image.dockerfile is not None:
            yield ("images", name, "dockerfile"), "image", image.dockerfile
    for path, part in _mounting(service):
        for file, config in part.config.items():
            if not config.optional:
                yield (*path, "config", file), "config", config.template or f"{file}.j2"
    for file, template in service.client_files.items():
        yield ("client_files", file), "config", template


def _group_cycles(catalogue: Catalogue) -> Iterator[InputError]:
    """Groups whose default hosts are, over some steps, their own."""
    try:
        TopologicalSorter(catalogue.groups).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1][::-1]  # graphlib names the predecessor first
        folder = next(f for f in catalogue.folders.values() if cycle[0] in groups_of(f))
        yield InputError(
            f"a group takes its hosts from itself: {' -> '.join(cycle)}",
            where=catalogue.where(folder.name, "groups", cycle[0]),
        )


def _waiting_cycles(catalogue: Catalogue, service: Service) -> Iterator[InputError]:
    """Containers and jobs of one service of which each waits for the next, and so for itself."""
    waits: dict[str, set[str]] = {
        f"container/{name}": set(c.after) - {FIRST} for name, c in service.containers.items()
    }
    waits |= {f"job/{name}": set(job.after) for name, job in service.jobs.items()}
    waits |= {f"endpoint/{name}": {f"container/{e.container}"} for name, e in service.endpoints.items()}
    for name, job in service.jobs.items():
        for word in job.before:
            waits.setdefault(word, set()).add(f"job/{name}")
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1][::-1]  # graphlib names the predecessor first
        first = next(part for part in cycle if not part.startswith("endpoint/"))
        kind, _, name = first.partition("/")
        yield InputError(
            f"these wait for each other: {' -> '.join(cycle)}",
            where=catalogue.where(service.name, f"{kind}s", name),
            expected="an order: take one of them out of 'after' or 'before'",
        )


def _conflicts(catalogue: Catalogue) -> Iterator[InputError]:
    """What only one service may have, claimed by two (or twice by one)."""
    for kind, claims in _CLAIMS.items():
        claimed: dict[str, tuple[ServiceFolder, _Path]] = {}
        for folder in catalogue.folders.values():
            for name, path in claims(folder):
                if name not in claimed:
                    claimed[name] = (folder, path)
                    continue
                first, first_path = claimed[name]
                yield InputError(
                    f"{kind} '{name}' is already taken by service '{first.name}'",
                    where=catalogue.where(folder.name, *path),
                    hint=f"see {catalogue.where(first.name, *first_path)}",
                )


def _keys(folder: ServiceFolder) -> Iterator[tuple[str, _Path]]:
    service = folder.service
    yield from ((name, ("settings", name)) for name in service.settings)
    yield from ((name, ("passwords", name)) for name in service.passwords)
    yield from ((f"{name}_database_password", ("databases", i)) for i, name in enumerate(service.databases))


def _volumes(folder: ServiceFolder) -> Iterator[tuple[str, _Path]]:
    """Each volume once: containers and jobs of one service may share one."""
    first: dict[str, _Path] = {}
    for path, part in _mounting(folder.service):
        for volume in part.volumes:
            first.setdefault(volume, (*path, "volumes", volume))
    yield from first.items()


def _ports(folder: ServiceFolder) -> Iterator[tuple[str, _Path]]:
    for name, setting in folder.service.settings.items():
        if setting.type == "port" and isinstance(setting.default, int):
            yield str(setting.default), ("settings", name, "default")


_CLAIMS: dict[str, _Claims] = {
    "key": _keys,
    "port": _ports,
    "volume": _volumes,
    "image": lambda folder: ((name, ("images", name)) for name in folder.service.images),
    "container": lambda folder: ((name, ("containers", name)) for name in folder.service.containers),
    "endpoint": lambda folder: ((name, ("endpoints", name)) for name in folder.service.endpoints),
    "group": lambda folder: ((name, ("groups", name)) for name in groups_of(folder)),
    "user": lambda folder: ((name, ("users", name)) for name in folder.service.users),
    "uid": lambda folder: (
        (str(user.uid), ("users", name, "uid")) for name, user in folder.service.users.items()
    ),
    "gid": lambda folder: (
        (str(user.uid if user.gid is None else user.gid), ("users", name))
        for name, user in folder.service.users.items()
    ),
    "verb": lambda folder: ((name, ("verbs", name)) for name in folder.service.verbs),
    "database": lambda folder: ((name, ("databases", i)) for i, name in enumerate(folder.service.databases)),
}


def _unknown(where: Location, kind: str, name: str, candidates: Collection[str]) -> InputError:
    known = sorted(set(candidates))
    hint = did_you_mean(name, known)
    # A name of another service may be near, too; only the whole list says that capabilities stand for those.
    listed = known and (not hint or kind == "dependency")
    expected = f"one of {', '.join(known)}" if listed else None
    return InputError(f"there is no {kind} '{name}'", where=where, expected=expected, hint=hint)
