"""Where things run and how they are reached: hosts of containers, endpoints, proxy listeners.

These are the objects configuration templates see (`endpoints.keystone.internal_url`,
`listener.members`), so their attributes are part of what a service's author may rely on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from kolla.catalogue.model import Capability, Container, Endpoint, ServiceFolder
from kolla.errors import InputError, Location, raise_all
from kolla.settings import Settings
from kolla.settings.addresses import url_host
from kolla.settings.expressions import evaluate
from kolla.state import networks
from kolla.state.facts import HostFacts


@dataclass(frozen=True)
class Member:
    """A host that serves an endpoint."""

    host: str
    """Name in the inventory."""
    hostname: str
    """Name the host gives itself."""
    address: str
    """Its API address."""
    port: int


@dataclass(frozen=True)
class EndpointView:
    """An endpoint as clients reach it."""

    name: str
    service: str
    protocol: str
    host: str
    """Address or name for clients inside the cloud."""
    port: int
    path: str
    public_host: str
    members: tuple[Member, ...]
    proxied: bool

    @property
    def internal_url(self) -> str:
        """URL for clients inside the cloud."""
        return f"{self.protocol}://{url_host(self.host)}:{self.port}{self.path}"

    @property
    def public_url(self) -> str:
        """URL for clients outside; equal to the internal one unless the endpoint is public."""
        return f"{self.protocol}://{url_host(self.public_host)}:{self.port}{self.path}"


@dataclass(frozen=True)
class Listener:
    """What the proxy listens for, and whom it passes it to."""

    name: str
    protocol: str
    sockets: tuple[tuple[str, int], ...]
    """(address, port) each."""
    members: tuple[Member, ...]
    options: tuple[str, ...]
    active: str
    """`all`: members serve in turn; `one`: the first that can, the others wait for its end."""

    @property
    def binds(self) -> tuple[str, ...]:
        """`address:port` each."""
        return tuple(f"{url_host(address)}:{port}" for address, port in self.sockets)


@dataclass(frozen=True)
class Topology:
    """Settings and facts, seen as places."""

    settings: Settings
    facts: Mapping[str, HostFacts]

    @cached_property
    def api_addresses(self) -> Mapping[str, str]:
        """Host -> the address its services bind to: `api_address`, else that of `api_interface`.

        All hosts that have none are told at once."""
        found: dict[str, str] = {}
        lacking: list[networks.NoAddressError] = []
        for host in self.settings.inventory.hosts:
            try:
                found[host] = self._api_address(host)
            except networks.NoAddressError as error:
                lacking.append(error)
        raise_all(lacking)
        return found

    def _api_address(self, host: str) -> str:
        scope = self.settings.scope(host, self._interface(host))
        return str(scope.get("api_address") or self._first_address(host, scope, "api"))

    def _address_in(self, host: str, network: str) -> str:
        """The host's address in a network of the cloud; where that is the API's, its API address."""
        scope = self.settings.scope(host, self._interface(host))
        if networks.place(scope, network) == networks.place(scope, "api"):
            return self.api_addresses[host]
        return self._first_address(host, scope, network)

    def _first_address(self, host: str, scope: Mapping[str, object], network: str) -> str:
        return networks.first_address(self.facts.get(host), host, scope, network, self._moving)

    @cached_property
    def _moving(self) -> frozenset[str]:
        """Addresses that are no host's own, whichever has them now: the VIPs of a load balancer."""
        if not self.proxy_hosts:
            return frozenset()
        scope = self.settings.scope(None)
        return frozenset(str(scope[f"kolla_{which}_vip_address"]) for which in ("internal", "external"))

    def _interface(self, host: str) -> dict[str, object]:
        """`network_interface`, where it is not set: that of the host's default route."""
        facts = self.facts.get(host)
        if facts is None or self.settings.scope(host).get("network_interface") is not None:
            return {}
        return {"network_interface": facts.default_interface}

    @cached_property
    def hostnames(self) -> Mapping[str, str]:
        """Host -> what it calls itself; its name in the inventory while nothing is known about it."""
        hosts = self.settings.inventory.hosts
        return {host: self.facts[host].hostname if host in self.facts else host for host in hosts}

    @cached_property
    def host_addresses(self) -> list[str]:
        """Every address of every host, as far as hosts are known."""
        interfaces = (each for facts in self.facts.values() for each in facts.interfaces.values())
        found = {address for each in interfaces for address in (*each.addresses, *each.addresses6)}
        return sorted(found | set(self.api_addresses.values()))

    def host_variables(self, host: str) -> dict[str, object]:
        """What facts add to a host's settings, for its templates."""
        return {
            **self._interface(host),
            "interfaces": self.facts[host].interfaces if host in self.facts else {},
            "api_address": self.api_addresses[host],
            "address_in": partial(self._address_in, host),
            "host_addresses": self.host_addresses,
            "hostname": self.hostnames[host],
            "kernel_modules": self.kernel_modules(host),
        }

    def kernel_modules(self, host: str) -> tuple[str, ...]:
        """Of the modules the catalogue mentions, those the host's kernel has; none of an unknown host."""
        facts = self.facts.get(host)
        return facts.kernel_modules if facts is not None else ()

    def hosts_of(self, folder: ServiceFolder, name: str) -> tuple[str, ...]:
        """Hosts that run a container of a service, in the inventory's order, `when` considered."""
        key = (folder.name, name)
        if key not in self._hosts_of:
            container = folder.service.containers[name]
            hosts = self.settings.hosts_of(container.group or folder.name)
            if key in self.settings.items:
                hosts = tuple(host for host in hosts if host in self.settings.items[key])
            self._hosts_of[key] = self.holding(folder, container.when, hosts)
        return self._hosts_of[key]

    @cached_property
    def _hosts_of(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """What was found once: for every host somebody asks it again."""
        return {}

    def holding(self, folder: ServiceFolder, when: str, hosts: tuple[str, ...]) -> tuple[str, ...]:
        """Of some hosts, those on which a `when` of a service is true."""
        if when == "true":
            return hosts
        return tuple(host for host in hosts if self.holds(folder, when, host))

    def resource_hosts(self, folder: ServiceFolder) -> tuple[str, ...]:
        """Hosts that are given what the service's `host:` asks for, in the inventory's order."""
        asked = folder.service.host
        hosts = set(self.settings.hosts_of(asked.group)) if asked.group else self.hosts_of_service(folder)
        return tuple(
            host
            for host in self.settings.inventory.hosts
            if host in hosts and self.holds(folder, asked.when, host)
        )

    def hosts_of_service(self, folder: ServiceFolder) -> set[str]:
        """Hosts that run any container of a service."""
        return {host for name in folder.service.containers for host in self.hosts_of(folder, name)}

    def holds(self, folder: ServiceFolder, when: str, host: str) -> bool:
        """Whether a `when` of a service is true on a host."""
        if when == "true":
            return True
        where = self.settings.catalogue.find(folder.name, when)
        scope = self.settings.scope(host, {"kernel_modules": self.kernel_modules(host)})
        value = evaluate(when, scope, where)
        if isinstance(value, str):
            raise InputError(
                f"'when' is the text '{value}'",
                where=where,
                expected="an expression that is true or false: '{{ ... }}'",
            )
        return bool(value)

    def containers(self) -> Iterator[tuple[ServiceFolder, str, Container]]:
        """Every container of every enabled service."""
        for folder in self.settings.services:
            for name, container in folder.service.containers.items():
                yield folder, name, container

    def provider(self, capability: Capability) -> ServiceFolder | None:
        """The enabled service that provides a capability, if any."""
        for folder in self.settings.services:
            if capability in folder.service.provides:
                return folder
        return None

    def is_proxy(self, folder: ServiceFolder, name: str) -> bool:
        """Whether a container of a service is what listens for the others."""
        provision = folder.service.provides.get(Capability.PROXY)
        return provision is not None and provision.container in (None, name)

    @cached_property
    def proxy_hosts(self) -> tuple[str, ...]:
        """Hosts that run a proxy; empty when there is none."""
        folder = self.provider(Capability.PROXY)
        if folder is None:
            return ()
        hosts = self.hosts_of_service(folder)
        return tuple(host for host in self.settings.inventory.hosts if host in hosts)

    @cached_property
    def endpoints(self) -> Mapping[str, EndpointView]:
        """Every endpoint of every enabled service, by name. InputError when two want one port."""
        views: dict[str, EndpointView] = {}
        taken: dict[tuple[str, int], tuple[str, str]] = {}
        for folder in self.settings.services:
            for name, endpoint in folder.service.endpoints.items():
                views[name] = view = self._endpoint(folder, name, endpoint)
                for socket, listening in self._sockets(endpoint, view):
                    other, first = taken.setdefault(socket, (name, listening))
                    if other != name and first != listening:
                        raise InputError(
                            f"endpoints '{other}' and '{name}' would both listen on "
                            f"{url_host(socket[0])}:{socket[1]}",
                            where=self.settings.catalogue.find(folder.name, endpoint.port),
                            hint="set another port for one of them",
                        )
        return views

    def _sockets(self, endpoint: Endpoint, view: EndpointView) -> Iterator[tuple[tuple[str, int], str]]:
        """(address, port) of an endpoint, and what listens there: a container, or a proxy's listener."""
        for member in view.members:
            yield (member.address, member.port), f"container {endpoint.container}"
        if view.proxied and view.members:
            for address in self._proxy_addresses(endpoint):
                yield (address, view.port), f"listener {view.name}"

    def _proxy_addresses(self, endpoint: Endpoint) -> tuple[str, ...]:
        """Addresses the proxy serves an endpoint on, each once."""
        scope = self.settings.scope(None)
        addresses = [str(scope["kolla_internal_vip_address"])]
        if endpoint.public:
            addresses.append(str(scope["kolla_external_vip_address"]))
        return tuple(dict.fromkeys(addresses))

    def _endpoint(self, folder: ServiceFolder, name: str, endpoint: Endpoint) -> EndpointView:
        where = service_file(folder)
        hosts = self.hosts_of(folder, endpoint.container)
        port = self._port(folder, endpoint)
        members = tuple(
            Member(
                host=host,
                hostname=self.hostnames[host],
                address=self.api_addresses[host],
                port=port,
            )
            for host in hosts
        )
        proxied = endpoint.proxy and bool(self.proxy_hosts)
        if proxied:
            scope = self.settings.scope(None)
            host, public_host = str(scope["kolla_internal_fqdn"]), str(scope["kolla_external_fqdn"])
        else:
            if endpoint.proxy and len(members) > 1:
                raise InputError(
                    f"endpoint '{name}' has {len(members)} members and nothing to balance them",
                    where=where,
                    hint="enable a load balancer, or leave one host in the group",
                )
            host = public_host = members[0].address if members else ""
        return EndpointView(
            name=name,
            service=folder.name,
            protocol=endpoint.protocol,
            host=host,
            port=port,
            path=endpoint.path,
            public_host=public_host if endpoint.public else host,
            members=members,
            proxied=proxied,
        )

    def _port(self, folder: ServiceFolder, endpoint: Endpoint) -> int:
        where = self.settings.catalogue.find(folder.name, endpoint.port)
        value = evaluate(endpoint.port, self._scope(folder, endpoint), where)
        if not isinstance(value, int) or not 1 <= value <= 65535:
            raise InputError(f"'{value}' is no port", where=where, expected="a port, from 1 to 65535")
        return value

    def _scope(self, folder: ServiceFolder, endpoint: Endpoint) -> Mapping[str, object]:
        """What the expressions of an endpoint see: of one that is for an item of a list, the item as well."""
        items = self.settings.items.get((folder.name, endpoint.container))
        return self.settings.scope(None, {"item": next(iter(items.values()))} if items else None)

    @cached_property
    def listeners(self) -> tuple[Listener, ...]:
        """What the proxy serves: one listener for every proxied endpoint that is served anywhere, by name."""
        listeners = []
        for folder in self.settings.services:
            for name, endpoint in folder.service.endpoints.items():
                view = self.endpoints[name]
                if view.proxied and view.members:
                    listeners.append(self._listener(folder, endpoint, view))
        return tuple(sorted(listeners, key=lambda listener: listener.name))

    def _listener(self, folder: ServiceFolder, endpoint: Endpoint, view: EndpointView) -> Listener:
        scope = self._scope(folder, endpoint)
        addresses = self._proxy_addresses(endpoint)
        for member in view.members:
            if member.host in self.proxy_hosts and member.address in addresses:
                raise InputError(
                    f"on host '{member.host}' the load balancer and endpoint '{view.name}' would both "
                    f"listen on {member.address}:{member.port}",
                    expected="a VIP that is not the API address of a host",
                    hint="set another kolla_internal_vip_address or api_interface; "
                    "on a single host, the load balancer may be switched off",
                )
        find = self.settings.catalogue.find
        options = (
            str(evaluate(option, scope, find(folder.name, option))) for option in endpoint.listener_options
        )
        return Listener(
            name=view.name,
            protocol=view.protocol,
            sockets=tuple((address, view.port) for address in addresses),
            members=view.members,
            options=tuple(line for option in options for line in option.split("\n") if line),
            active=endpoint.active,
        )


def engine_name(container: str) -> str:
    """A container's name in the engine: `nova-compute` is `nova_compute`, as in the field."""
    return container.replace("-", "_")


def service_file(folder: ServiceFolder) -> Location:
    """Where a service is described, for messages."""
    return Location(Path(folder.path) / "service.yml")
