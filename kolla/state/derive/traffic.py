"""How requests reach containers: who notices when one stops, and how it is taken out of the proxy before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kolla.catalogue.model import Capability, ServiceFolder
from kolla.state.derive.inputs import Inputs
from kolla.state.derive.renderers import Renderers
from kolla.state.desired import Proxy, Served
from kolla.state.topology import engine_name


@dataclass(frozen=True)
class Traffic:
    """Of one cloud."""

    inputs: Inputs
    renderers: Renderers

    def interrupted(self, folder: ServiceFolder, name: str) -> tuple[str, ...]:
        """The endpoints that nobody reaches without a container."""
        if Capability.PROXY in folder.service.provides:
            known = [item for f in self.inputs.settings.services for item in f.service.endpoints.items()]
            return tuple(sorted(other for other, endpoint in known if endpoint.proxy))
        return tuple(n for n, e in folder.service.endpoints.items() if e.container == name)

    def listeners(self, folder: ServiceFolder, name: str) -> tuple[str, ...]:
        """The proxy's listeners that pass on to several hosts of a container."""
        own = {n for n, endpoint in folder.service.endpoints.items() if endpoint.container == name}
        return tuple(
            listener.name
            for listener in self.inputs.topology.listeners
            if listener.name in own and len(listener.members) > 1
        )

    def behind(self, endpoints: tuple[str, ...]) -> tuple[str, ...]:
        """The services that need a capability which is reached at one of these endpoints."""
        services = self.inputs.settings.services
        offered = {
            capability
            for folder in services
            for capability, provision in folder.service.provides.items()
            if provision.endpoint in endpoints
        }
        return tuple(folder.name for folder in services if offered & set(folder.service.needs))

    def served(self) -> Iterator[tuple[str, Served]]:
        """What each container of the catalogue serves, also of services that are switched off."""
        for folder in self.inputs.settings.catalogue.folders.values():
            for name, container in folder.service.containers.items():
                endpoints = self.interrupted(folder, name)
                yield engine_name(name), Served(endpoints, self.behind(endpoints), container.impact)

    def proxy(self) -> Proxy | None:
        """How members are taken out of the proxy; None where there is none, or none that can do that."""
        folder = self.inputs.topology.provider(Capability.PROXY)
        if folder is None:
            return None
        provision = folder.service.provides[Capability.PROXY]
        if provision.container is None or not provision.drain:
            return None
        hosts = self.inputs.topology.hosts_of(folder, provision.container)
        if not hosts:
            return None
        renderer = self.renderers.of_service(folder, hosts[0])

        def words(command: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(renderer.text(word) for word in command)

        return Proxy(
            hosts=hosts,
            name=provision.container,
            drain=words(provision.drain),
            admit=words(provision.admit),
            drained=words(provision.drained),
        )
