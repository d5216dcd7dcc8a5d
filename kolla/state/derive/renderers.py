"""What the templates and expressions of a service are told on a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kolla.catalogue.model import Capability, Provision, ServiceFolder
from kolla.catalogue.upgrades import Stage
from kolla.state.consumer import Consumer, ProviderView
from kolla.state.derive.inputs import Inputs
from kolla.state.render import Renderer


@dataclass(frozen=True)
class Owner:
    """Whose words a job is written in, and for whom it runs."""

    folder: ServiceFolder
    provision: Provision | None = None
    consumer: Consumer | None = None


@dataclass(frozen=True)
class Renderers:
    """Makes the renderers of services, containers and jobs."""

    inputs: Inputs

    def of_service(self, folder: ServiceFolder, host: str, container: str = "") -> Renderer:
        """Of a service, or of one container, which may be there for an `item`."""
        return self.of(Owner(folder), host, container)

    def of(self, owner: Owner, host: str, container: str = "") -> Renderer:
        """Of a job, in the words of its owner; the container it is done in may be there for an `item`."""
        folder, settings, topology = owner.folder, self.inputs.settings, self.inputs.topology
        consumer = self.inputs.consumers[folder.name]
        extra: dict[str, object] = {
            "service": folder.name,
            **topology.host_variables(host),
            "hostnames": topology.hostnames,
            "api_addresses": topology.api_addresses,
            "endpoints": topology.endpoints,
            "listeners": topology.listeners,
            # Whether another release than that of the images may run, too.
            "upgrading": self.inputs.course.stage is Stage.EXPANDED,
            # `databases.nova_api.url`, `vhosts.nova_cell2.url`
            "databases": self._views(
                host, Capability.DATABASE, {name: consumer.only(name) for name in consumer.databases}
            ),
            "vhosts": self._views(
                host, Capability.MESSAGE_BUS, {name: consumer.at(name) for name in consumer.vhosts}
            ),
            "items": self._items(folder),
        }
        items = settings.items.get((folder.name, container))
        if items is not None:
            extra["item"] = items[host]
        own = next(iter(folder.service.endpoints), None)
        if own is not None:
            extra["endpoint"] = topology.endpoints[own]
        for capability in folder.service.needs:
            provider = topology.provider(capability)
            if provider is not None:
                extra[capability.value] = ProviderView(
                    settings,
                    topology,
                    provider,
                    capability,
                    host,
                    consumer,
                )
        if owner.provision is not None and owner.provision.endpoint is not None:
            extra["endpoint"] = topology.endpoints[owner.provision.endpoint]
        if owner.consumer is not None:
            extra["consumer"] = owner.consumer
        return Renderer(settings, folder, host, extra, topology.listeners)

    def _views(
        self, host: str, capability: Capability, consumers: Mapping[str, Consumer]
    ) -> dict[str, ProviderView]:
        """What the provider of a capability says of each of several things of one service."""
        settings, topology = self.inputs.settings, self.inputs.topology
        provider = topology.provider(capability)
        if provider is None:
            return {}
        return {
            name: ProviderView(settings, topology, provider, capability, host, consumer)
            for name, consumer in consumers.items()
        }

    def _items(self, folder: ServiceFolder) -> dict[str, list[str]]:
        """Container of which there are several -> the hosts that have it."""
        known = self.inputs.settings.items.items()
        return {name: list(hosts) for (service, name), hosts in known if service == folder.name}
