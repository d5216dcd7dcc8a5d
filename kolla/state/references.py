"""What `after` and `before` in service.yml stand for: nodes of the desired state, seen from a host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kolla.catalogue.model import FIRST, Capability, Container, Job, Provision, ServiceFolder
from kolla.errors import InputError
from kolla.state import volume_names
from kolla.state.consumer import Consumer
from kolla.state.desired import DesiredEndpoint, container_id, endpoint_id, job_id
from kolla.state.topology import Topology, service_file

HostVolume = tuple[str, str]
"""(host, volume)."""


@dataclass(frozen=True)
class References:
    """Resolves references; the catalogue's loader has checked that they name something."""

    topology: Topology
    consumers: Mapping[str, Consumer]

    def before(self, folder: ServiceFolder, reference: str) -> tuple[str, ...]:
        """Jobs of the service that say they come before `reference`."""
        return tuple(f"job/{n}" for n, job in folder.service.jobs.items() if reference in job.before)

    def after(
        self, folder: ServiceFolder, references: tuple[str, ...], host: str, *, everywhere: bool = False
    ) -> tuple[str, ...]:
        """Ids of the nodes that the references of a service stand for, seen from a host.

        `everywhere`: of what the host has itself, that of all other hosts as well.
        """
        # Which host is first depends on what hosts have: `kolla.state.first` says it.
        nodes = (node for r in references if r != FIRST for node in self._nodes(folder, r, host, everywhere))
        return tuple(sorted(set(nodes)))

    def _nodes(self, folder: ServiceFolder, reference: str, host: str, everywhere: bool) -> Iterator[str]:
        def near(hosts: tuple[str, ...]) -> tuple[str, ...]:
            # One host's trouble is not to keep all others waiting.
            return (host,) if host in hosts and not everywhere else hosts

        if reference in list(Capability):
            capability = Capability(reference)
            provider = self.topology.provider(capability)
            if provider is None or capability not in folder.service.needs:
                return
            provision = provider.service.provides[capability]
            if provision.endpoint is not None:
                # One of somebody else's has no member here, and is taken to be there.
                if self.topology.endpoints[provision.endpoint].members:
                    yield endpoint_id(provision.endpoint, host)
            else:
                # What is offered on the hosts themselves, and answers nobody over the network.
                for container in provider.service.containers:
                    for other in near(self.topology.hosts_of(provider, container)):
                        yield container_id(container, other)
            if provision.job is not None and self.consumers[folder.name].wants(capability):
                name = provision_job(provider, capability, folder.name)
                for other in near(self.job_hosts(provider, provision.job)):
                    yield job_id(name, other)
            return
        kind, _, name = reference.partition("/")
        if kind == "job":
            for other in near(self.job_hosts(folder, folder.service.jobs[name])):
                yield job_id(f"{folder.name}/{name}", other)
        elif kind in ("container", "containers"):
            hosts = self.topology.hosts_of(folder, name)
            for other in near(hosts) if kind == "container" else hosts:
                yield container_id(name, other)
        else:
            yield endpoint_id(name, host)

    def job_hosts(self, folder: ServiceFolder, job: Job) -> tuple[str, ...]:
        """Where a job is done: the first host of its container's unlimited group, or each of them, its `when`
        considered; or each of those of which `kolla.state.first` is going to choose one.

        Without a container, the service's first counts; in a service without any, its first group.
        InputError when there is no host for it.
        """
        name = job.container or next(iter(folder.service.containers), None)
        if name is None:
            group = next(iter(folder.service.groups))
            hosts, what = self.topology.settings.hosts_of(group), f"group '{group}' has no host"
        else:
            hosts, what = self.topology.hosts_of(folder, name), f"container '{name}' runs nowhere"
        wanted = self.topology.holding(folder, job.when, hosts)
        if job.each_host or job.first:
            return wanted
        if not hosts and job.when == "true":
            raise InputError(
                f"{what}, and there are jobs to run there",
                where=service_file(folder),
                hint="give its group a host, or look at its `when`"
                if name
                else "give it one in the inventory",
            )
        return wanted[:1]

    def volumes(
        self, folder: ServiceFolder, provision: Provision | None, job: Job, container: Container, host: str
    ) -> set[HostVolume]:
        """A job's own volumes, and those of every provider it waits for, directly or through jobs.

        By their names in the engine; a directory of the host in the place of one has no epoch.
        """
        volumes = {(host, volume) for volume in container.volumes}
        if provision is not None:
            volumes |= self._provider_volume(folder, provision)
        seen: set[str] = set()
        waiting = list(job.after)
        while waiting:
            reference = waiting.pop()
            if reference in seen:
                continue
            seen.add(reference)
            if reference in list(Capability):
                provider = self.topology.provider(Capability(reference))
                if provider is not None and reference in folder.service.needs:
                    volumes |= self._provider_volume(
                        provider, provider.service.provides[Capability(reference)]
                    )
            elif reference.startswith("job/"):
                waiting += folder.service.jobs[reference.removeprefix("job/")].after
        found = {(owner, volume_names.place(self.topology.settings, volume)) for owner, volume in volumes}
        return {(owner, place) for owner, place in found if volume_names.is_volume(place)}

    def _provider_volume(self, provider: ServiceFolder, provision: Provision) -> set[HostVolume]:
        if provision.volume is None:
            return set()
        for name, container in provider.service.containers.items():
            if provision.volume in container.volumes:
                hosts = self.topology.hosts_of(provider, name)
                # Where others get their data from the first, every host has all of it.
                return {
                    (host, provision.volume) for host in (hosts if FIRST in container.after else hosts[:1])
                }
        raise InputError(f"no container has the volume '{provision.volume}'", where=service_file(provider))

    def endpoints(self) -> dict[str, DesiredEndpoint]:
        """Every endpoint as seen from every host."""
        proxy = self.topology.provider(Capability.PROXY)
        found = {}
        for folder in self.topology.settings.services:
            for name, endpoint in folder.service.endpoints.items():
                view = self.topology.endpoints[name]
                after = {container_id(endpoint.container, member.host) for member in view.members}
                if view.proxied and proxy is not None:
                    after |= {
                        container_id(n, h)
                        for n in proxy.service.containers
                        for h in self.topology.hosts_of(proxy, n)
                    }
                for host in self.topology.settings.inventory.hosts:
                    node = DesiredEndpoint(view, host, tuple(sorted(after)), endpoint)
                    found[node.id] = node
        return found


def provision_job(provider: ServiceFolder, capability: Capability, consumer: str) -> str:
    """Name of the job that serves one consumer: `mariadb/database-keystone`."""
    return f"{provider.name}/{capability.value.replace('_', '-')}-{consumer}"
