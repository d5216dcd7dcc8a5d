"""The desired state: what every host should look like.

Types only; `derive` makes it from settings, catalogue, build report and host facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from kolla.build_report import BuiltImage
from kolla.catalogue.model import Endpoint, Impact, UpdateOrder
from kolla.state.changes import ReleaseChange
from kolla.state.needs import Requirement
from kolla.state.render import RenderedFolder
from kolla.state.resources import Resources, union
from kolla.state.spec import ContainerSpec
from kolla.state.topology import EndpointView, engine_name

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Node:
    """Something that runs in a container on a host."""

    host: str
    service: str
    name: str
    """Of a container its name in the catalogue (`nova-compute`), of a job `service/job`."""
    spec: ContainerSpec
    image: BuiltImage
    config: RenderedFolder
    after: tuple[str, ...]
    """Ids of nodes that must be done first."""

    @property
    def mounted(self) -> tuple[str, ...]:
        """The named volumes it mounts."""
        return tuple(mount.source for mount in self.spec.mounts if mount.type == "volume")


@dataclass(frozen=True, kw_only=True)
class DesiredContainer(Node):
    """A container on a host."""

    start_timeout: int
    endpoints: tuple[str, ...]
    """Endpoints that are interrupted while it is down."""
    redundant: bool
    """Whether another host runs it too, and serves in its place."""
    behind: tuple[str, ...] = ()
    """Services that use what its endpoints offer."""
    first: tuple[str, ...] | None = None
    """Where it has `first` in `after`: the volumes that show by what is in them which host has its data."""
    listeners: tuple[str, ...] = ()
    """The proxy's listeners that pass on to it and to others like it."""
    impact: Impact = field(default_factory=Impact)
    """What else is felt while it is started again or replaced."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Part of the spec (`environment TZ`, `mounts`) -> the settings behind it, and where they are set."""
    reload: tuple[tuple[str, ...], ...] = ()
    """Commands that, one after the other inside it, take changed files into use without a start."""
    sockets: tuple[tuple[str, int], ...]
    """(address, port) it listens on."""
    user: int
    """Number of the user its process runs as."""
    replaces: tuple[str, ...] = ()
    """Containers of Kolla-Ansible, besides the one of its name, whose work it does."""
    cannot_succeed: Mapping[str, str] = field(default_factory=dict)
    """Containers, as the catalogue calls them, whose work it cannot go on with -> why."""
    formerly: tuple[str, ...] = ()
    """Names that it had in the engine before the catalogue renamed it."""
    list_of: str = ""
    """The container of the catalogue of which there is one for each item of a list, this one among them;
    empty: it is for no item."""
    update_order: UpdateOrder = "stop-first"
    """When it is stopped for a new one in its place."""
    config_check: tuple[str, ...] = ()
    """Program and arguments that read its configuration and say whether it is right."""

    @property
    def id(self) -> str:
        """The node's id."""
        return container_id(self.name, self.host)

    @property
    def turn(self) -> str:
        """Those of one turn are taken down one after the other: the same on all hosts, all of one list."""
        return self.list_of or self.name


@dataclass(frozen=True)
class Served:
    """What a container serves, whether it is wanted or not."""

    endpoints: tuple[str, ...]
    behind: tuple[str, ...]
    """Services that use what its endpoints offer."""
    impact: Impact


@dataclass(frozen=True)
class Proxy:
    """How members are taken out of the proxy and put back: programs, without whom they are about."""

    hosts: tuple[str, ...]
    """Those that run one."""
    name: str
    """Its container, in the catalogue."""
    drain: tuple[str, ...]
    admit: tuple[str, ...]
    drained: tuple[str, ...]
    """Prints who is taken out."""

    @property
    def container(self) -> str:
        """Its name in the engine."""
        return engine_name(self.name)


@dataclass(frozen=True, kw_only=True)
class DesiredJob(Node):
    """A job on its host."""

    key: str
    volumes: tuple[tuple[str, str], ...]
    """(host, volume) whose epochs this job's result depends on; of one volume on several hosts, that have the
    same in them, one that is as it was is enough."""
    timeout: int
    success: tuple[int, ...]
    """Exit statuses that mean it is done."""
    present: str = ""
    """The container whose image of now it takes, if there is one."""
    takeover: bool = False
    """Whether it sees that its image may have the data there is: a rollback does it, too."""
    first_of: str = ""
    """The container on whose first host it is done, and nowhere else."""
    own_volumes: tuple[str, ...] = ()
    """Volumes that no container has: whoever runs the job makes them."""
    description: str = ""
    """What it does; of a check, what it finds out."""

    @property
    def id(self) -> str:
        """The node's id."""
        return job_id(self.name, self.host)


@dataclass(frozen=True)
class Restore:
    """How data that an upgrade makes a backup of is brought back to what it was."""

    service: str
    """Whose backup it is."""
    backup: str
    """Name of the job that makes it."""
    job: str
    """Name of the job that brings it back, told the backup's name; one of the `verbs`."""
    check: str
    """Name of the job that says beforehand whether it can; empty: there is none."""
    volumes: tuple[str, ...]
    """The engine's volumes that get another content."""
    services: tuple[str, ...]
    """All whose data is in it."""
    loses: str
    """What is gone afterwards: loses ..."""


@dataclass(frozen=True)
class DesiredEndpoint:
    """An endpoint, as something a host waits for."""

    view: EndpointView
    host: str
    after: tuple[str, ...]
    model: Endpoint

    @property
    def id(self) -> str:
        """The node's id."""
        return endpoint_id(self.view.name, self.host)


@dataclass(frozen=True)
class Desired:
    """The whole cloud as it should be."""

    cloud_name: str
    cloud_id: str
    hosts: tuple[str, ...]
    containers: tuple[DesiredContainer, ...]
    jobs: tuple[DesiredJob, ...]
    checks: tuple[DesiredJob, ...]
    verbs: tuple[DesiredJob, ...]
    """Jobs of verbs; several of one name where it is done on each host."""
    host_needs: Mapping[tuple[str, str], Resources]
    """(host, service) -> what the service needs of the host itself."""
    requirements: tuple[Requirement, ...]
    """What prechecks look for."""
    endpoints: Mapping[str, DesiredEndpoint]
    """By node id."""
    secrets: frozenset[str] = field(repr=False)
    """Every password's value, for masking."""
    release: str = ""
    """The OpenStack release of the images."""
    canary_checks: tuple[tuple[str, DesiredJob], ...] = ()
    """Checks of canaries: the id of the container that was changed, and the job."""
    release_checks: tuple[DesiredJob, ...] = ()
    """What an upgrade runs before it changes anything."""
    back: tuple[DesiredJob, ...] = ()
    """What a rollback to this state from a newer release does before containers start."""
    upgrade_jobs: tuple[str, ...] = ()
    """Jobs (`service/name`) that only an upgrade and a rollback have."""
    backups: tuple[str, ...] = ()
    """Names of the verbs' jobs that keep data safe before an upgrade."""
    restores: tuple[Restore, ...] = ()
    """How what those keep is brought back."""
    upgrade: ReleaseChange | None = None
    """The upgrade that is not finished."""
    volume_names: Mapping[str, str] = field(default_factory=dict)
    """Volumes of services that are elsewhere: name -> the engine's volume, or a directory of the hosts."""
    served: Mapping[str, Served] = field(default_factory=dict)
    """Every container of the catalogue, by its name in the engine."""
    data: frozenset[str] = frozenset()
    """The engine's volumes whose content is missed where it is not."""
    former_volumes: Mapping[str, str] = field(default_factory=dict)
    """The engine's volume -> the one that had its content before the catalogue renamed it."""
    proxy: Proxy | None = None
    """Through which endpoints with several members are reached."""
    adopting: bool = False
    """Whether what Kolla-Ansible left on the hosts is taken over."""

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Everything that runs in a container."""
        of_canaries = (job for _, job in self.canary_checks)
        asked_for = (*self.checks, *of_canaries, *self.verbs)
        return (*self.containers, *self.jobs, *asked_for, *self.release_checks, *self.back)

    @cached_property
    def _containers_on(self) -> Mapping[str, tuple[DesiredContainer, ...]]:
        return grouped(self.containers, lambda container: container.host)

    @cached_property
    def needs_of(self) -> Mapping[str, Mapping[str, Resources]]:
        """Host -> service -> what the service needs of it."""
        found = grouped(self.host_needs.items(), lambda item: item[0][0])
        return {host: {service: r for (_, service), r in items} for host, items in found.items()}

    def containers_on(self, host: str) -> tuple[DesiredContainer, ...]:
        """What a host should run."""
        return self._containers_on.get(host, ())

    @cached_property
    def _jobs_on(self) -> Mapping[str, tuple[DesiredJob, ...]]:
        return grouped(self.jobs, lambda job: job.host)

    def jobs_on(self, host: str) -> tuple[DesiredJob, ...]:
        """What is run on a host when it was not, or has changed."""
        return self._jobs_on.get(host, ())

    @cached_property
    def _containers_called(self) -> Mapping[str, tuple[DesiredContainer, ...]]:
        return grouped(self.containers, lambda container: container.spec.name)

    @cached_property
    def turns(self) -> Mapping[str, str]:
        """Node id of a container -> the turn it is of."""
        return {container.id: container.turn for container in self.containers}

    def containers_called(self, name: str) -> tuple[DesiredContainer, ...]:
        """A container, by its name in the engine, on each of its hosts."""
        return self._containers_called.get(name, ())

    @cached_property
    def hosts_of_volumes(self) -> Mapping[str, frozenset[str]]:
        """Volume -> the hosts that should run a container with it."""
        pairs = {(volume, c.host) for c in self.containers for volume in c.mounted}
        return {
            volume: frozenset(host for _, host in of)
            for volume, of in grouped(pairs, lambda pair: pair[0]).items()
        }

    def questions(self) -> dict[str, dict[str, object]]:
        """What to ask each host: digests of the files it should have, images it should know."""
        questions: dict[str, dict[str, object]] = {}
        nodes = grouped(self.nodes, lambda node: node.host)
        for host in self.hosts:
            own = self.containers_on(host)
            here = nodes.get(host, ())
            images = {node.spec.image for node in here}
            questions[host] = {
                "folders": {
                    c.config.path: {name: f.sha256 for name, f in c.config.files.items()} for c in own
                },
                "images": sorted(images),
                "volumes": sorted({v for node in here for v in node.mounted}),
                "data": sorted({volume for c in own for volume in c.first or ()}),
                "resources": union(self.needs_of.get(host, {}).values()).model_dump(),
                "members": self._members(host),
            }
        return questions

    def _members(self, host: str) -> dict[str, object] | None:
        """How a host is asked whom its proxy passes nothing on to; None where nobody can be missed."""
        if self.proxy is None or host not in self.proxy.hosts or not self.proxy.drained:
            return None
        if not any(container.listeners for container in self.containers):
            return None
        return {"container": self.proxy.container, "command": self.proxy.drained}

    def sockets(self, host: str) -> list[tuple[str, str, int]]:
        """(service, address, port) of everything that will listen on a host."""
        return [
            (container.service, address, port)
            for container in self.containers_on(host)
            for address, port in container.sockets
        ]

    def bundle(self) -> dict[str, bytes]:
        """Content of every rendered file by digest."""
        return {file.sha256: file.content for node in self.nodes for file in node.config.files.values()}


def grouped(items: Iterable[Item], key: Callable[[Item], str]) -> dict[str, tuple[Item, ...]]:
    """Items by what `key` says of them, in their order."""
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return {name: tuple(of) for name, of in found.items()}


def container_id(name: str, host: str) -> str:
    """Id of a container's node."""
    return f"container:{name}@{host}"


def host_id(service: str, host: str) -> str:
    """Id of what a service needs of a host itself."""
    return f"host:{service}@{host}"


def job_id(name: str, host: str) -> str:
    """Id of a job's node; `name` is `service/job`."""
    return f"job:{name}@{host}"


def endpoint_id(name: str, host: str) -> str:
    """Id of an endpoint as seen from a host."""
    return f"endpoint:{name}@{host}"


def release_id(host: str) -> str:
    """Id of a host's record of an upgrade."""
    return f"release:upgrade@{host}"


def volume_id(name: str, host: str) -> str:
    """Id of a volume's node."""
    return f"volume:{name}@{host}"


def image_id(name: str, host: str) -> str:
    """Id of an image's node."""
    return f"image:{name}@{host}"
