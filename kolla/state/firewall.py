"""Rules of the hosts' packet filter: who reaches what services listen for."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TypeVar

from kolla.catalogue.model import ServiceFolder, Traffic
from kolla.errors import InputError
from kolla.state.render import Renderer
from kolla.state.sockets import Socket, sockets
from kolla.state.topology import Topology

SETTING = "host_firewall"
NETWORKS = "host_firewall_networks"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Kind = TypeVar("Kind", ipaddress.IPv4Network, ipaddress.IPv6Network)

VRRP = "vrrp"
VRRP_NUMBER = 112
"""RFC 9568; not every host has a list of protocols by name."""

_PORTS = re.compile(r"[0-9]+(-[0-9]+)?")


def firewall(
    topology: Topology, renderer: Callable[[ServiceFolder, str, str], Renderer]
) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """(host, service) -> the rules for what the service listens for there, as nft(8) reads them; none while
    hosts are to have no firewall of ours.

    What an endpoint offers in public is for everybody; anything else for the networks of the hosts' API
    addresses, and for those the setting names. What comes besides connections to ports (`traffic`) is for
    the networks in which the hosts of its container have the address it comes to.
    """
    if not topology.settings.scope(None)[SETTING]:
        return {}
    return _Rules(topology, renderer).all()


class _Rules:
    def __init__(self, topology: Topology, renderer: Callable[[ServiceFolder, str, str], Renderer]) -> None:
        self.topology = topology
        self.renderer = renderer

    def all(self) -> dict[tuple[str, str], tuple[str, ...]]:
        found: dict[tuple[str, str], list[str]] = {}
        for folder, name, container in self.topology.containers():
            hosts = self.topology.hosts_of(folder, name)
            renderers = {host: self.renderer(folder, host, name) for host in hosts}
            for host, on in renderers.items():
                listening = sockets(self.topology, folder, name, on)
                found.setdefault((host, folder.name), []).extend(self._of_sockets(listening))
            for traffic in container.traffic:
                for host, rule in self._of_traffic(traffic, renderers):
                    found[host, folder.name].append(rule)
        return {place: tuple(sorted(set(rules))) for place, rules in found.items() if rules}

    def _of_sockets(self, listening: Iterable[Socket]) -> Iterator[str]:
        """One rule for each address for what is public on it, one for what is not."""
        ports: dict[tuple[str, bool], list[int]] = {}
        for address, port in listening:
            ports.setdefault((address, (address, port) in self._public), []).append(port)
        for (address, public), several in ports.items():
            match = _match("tcp", address, [str(port) for port in several])
            yield f"{match} accept" if public else _only_from(match, address, self._api_networks)

    def _of_traffic(self, traffic: Traffic, renderers: Mapping[str, Renderer]) -> Iterator[tuple[str, str]]:
        """Host and rule."""
        addresses = {host: on.text(traffic.address) for host, on in renderers.items()}
        networks = {self._network(host, address) for host, address in addresses.items()}
        if any(address == self.topology.api_addresses[host] for host, address in addresses.items()):
            networks |= set(self._api_networks)
        for host, address in addresses.items():
            ports = _ports(traffic, renderers[host])
            if ports or traffic.protocol == VRRP:
                yield host, _only_from(_match(traffic.protocol, address, ports), address, networks)

    @cached_property
    def _public(self) -> frozenset[Socket]:
        """Where endpoints answer everybody."""
        external = str(self.topology.settings.scope(None)["kolla_external_vip_address"])
        found: set[Socket] = set()
        for folder in self.topology.settings.services:
            for name in (n for n, endpoint in folder.service.endpoints.items() if endpoint.public):
                view = self.topology.endpoints[name]
                found |= {(each.address, each.port) for each in view.members if not view.proxied}
                found |= {(external, view.port)} if view.proxied else set()
        return frozenset(found)

    @cached_property
    def _api_networks(self) -> tuple[Network, ...]:
        own = (self._network(host, address) for host, address in self.topology.api_addresses.items())
        return tuple({*own, *self._named()})

    def _named(self) -> Iterator[Network]:
        """The networks that the setting names. InputError for what is none."""
        for text in self.topology.settings.scope(None)[NETWORKS]:
            try:
                yield ipaddress.ip_network(str(text))
            except ValueError:
                where = self.topology.settings.globals.where(NETWORKS)
                expected = "networks like 192.0.2.0/24, without an address of a host in them"
                raise InputError(f"'{text}' is no network", where=where, expected=expected) from None

    def _network(self, host: str, address: str) -> Network:
        """The smallest network of several addresses that the host has an address in; else that address."""
        facts = self.topology.facts.get(host)
        interfaces = facts.interfaces.values() if facts is not None else ()
        texts = {text for each in interfaces for text in each.networks}
        found = ipaddress.ip_address(address)
        around = [
            each for each in map(ipaddress.ip_network, texts) if each.num_addresses > 1 and found in each
        ]
        return max(around, key=lambda each: each.prefixlen, default=ipaddress.ip_network(address))


def _ports(traffic: Traffic, on: Renderer) -> list[str]:
    """InputError for what is no port and no range of them."""
    text = on.text(traffic.ports)
    if traffic.protocol == VRRP or not text:
        return []
    if not _PORTS.fullmatch(text):
        where = on.settings.catalogue.find(on.folder.name, traffic.ports)
        raise InputError(
            f"'{text}' are no ports", where=where, expected="one, or the first and last: 5900-5999"
        )
    return [text]


def _family(address: str) -> str:
    return "ip6" if ":" in address else "ip"


def _match(protocol: str, address: str, ports: list[str]) -> str:
    to = f"{_family(address)} daddr {address}"
    if protocol == VRRP:
        return f"{to} meta l4proto {VRRP_NUMBER}"
    return f"{to} {protocol} dport {{ {', '.join(ports)} }}"


def _only_from(match: str, address: str, networks: Iterable[Network]) -> str:
    """The rule that drops what comes from elsewhere."""
    if ":" in address:
        several = _of_kind(ipaddress.IPv6Network, networks)
    else:
        several = _of_kind(ipaddress.IPv4Network, networks)
    return f"{match} {_family(address)} saddr != {{ {', '.join(several)} }} drop"


def _of_kind(kind: type[Kind], networks: Iterable[Network]) -> list[str]:
    """Those networks of a kind, none of which is in another."""
    own = (each for each in networks if isinstance(each, kind))
    return [str(each) for each in ipaddress.collapse_addresses(own)]
