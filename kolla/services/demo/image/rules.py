"""What is decided for `kolla init-runonce`: whether its settings can work, and why a server has no place.

Nothing here asks or changes anything. `Settings` is what the job's demo.json holds.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Settings = Mapping[str, Any]

IMAGE_FORMATS = {
    "gpt": "raw",
    "iso": "iso",
    "qcow2": "qcow2",
    "vdi": "vdi",
    "vhd": "vhd",
    "vhdx": "vhdx",
    "vmdk": "vmdk",
}
"""What a file was found to be (a boot sector makes it `gpt`) -> the disk format of such an image."""

DISABLED = "COMPUTE_STATUS_DISABLED"
"""The trait of a host that takes no servers: its compute service is disabled, or has just started."""

FLAVOR = ("name", "vcpus", "ram", "disk")
"""What a flavour must have."""
FLAVOR_OPTIONS = ("description", "ephemeral", "id", "is_public", "swap")
"""What it may have besides, as nova's API calls it."""

SMALLEST_NETWORK = 29
"""Longest prefix of a network that has room for a gateway, a DHCP port and a server or two."""


@dataclass(frozen=True)
class Provider:
    """A compute host as the placement service knows it: resource class -> what is there, what is used."""

    name: str
    inventory: Mapping[str, Mapping[str, Any]]
    used: Mapping[str, int]
    traits: frozenset[str] = frozenset()


def pool(text: str) -> tuple[str, str]:
    """First and last address of a range such as 10.0.2.150-10.0.2.199. ValueError when it is none."""
    first, _, last = text.partition("-")
    addresses = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
    if addresses[0].version != addresses[1].version or int(addresses[0]) > int(addresses[1]):
        raise ValueError(text)
    return str(addresses[0]), str(addresses[1])


def mistakes(settings: Settings) -> list[str]:
    """Why these settings cannot work, a sentence each."""
    return [
        *_image_mistakes(settings),
        *_external_mistakes(settings),
        *_network_mistakes(settings),
        *_flavor_mistakes(settings),
    ]


def _image_mistakes(settings: Settings) -> Iterator[str]:
    url, file = settings["image"]["url"], settings["image"]["file"]
    if url and file:
        yield "demo_image_url and demo_image_file are both set; expected: one of them"
    if url and urlsplit(url).scheme not in ("http", "https"):
        yield f"demo_image_url: '{url}' is no address; expected: http://... or https://..."


def _external_mistakes(settings: Settings) -> Iterator[str]:
    external = settings["external"]
    text, cidr = external["range"], ipaddress.ip_network(external["cidr"])
    try:
        first, last = map(ipaddress.ip_address, pool(text))
    except ValueError:
        yield f"demo_external_range: '{text}' is no range; expected: 10.0.2.150-10.0.2.199, the smaller first"
        return
    for address in (first, last):
        if address not in cidr:
            yield f"demo_external_range: {address} is outside demo_external_cidr {cidr}"
        elif address in (cidr.network_address, cidr.broadcast_address):
            yield f"demo_external_range: {address} is no address for a host in {cidr}"
    try:
        gateway = ipaddress.ip_address(external["gateway"])
    except ValueError:
        yield f"demo_external_gateway: '{external['gateway']}' is no IP address"
        return
    if gateway not in cidr:
        yield f"demo_external_gateway: {gateway} is outside demo_external_cidr {cidr}"
    yield from _bridge_mistakes(external["bridge"], cidr)
    for address, what in {**dict(_taken(settings)), gateway: "demo_external_gateway"}.items():
        if address.version == first.version and int(first) <= int(address) <= int(last):
            yield f"demo_external_range: {text} holds {address}, which is taken: {what}"


def _bridge_mistakes(
    bridge: str | None, cidr: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> Iterator[str]:
    """Where the external network ends on the host itself (`bridge`, else None), only an address in it leads
    from the host to floating IPs."""
    if bridge is None:
        return
    try:
        address = ipaddress.ip_interface(bridge).ip
    except ValueError:
        yield f"neutron_bridge_address: '{bridge}' is no address with its prefix; expected: 10.0.2.1/24"
        return
    if address not in cidr:
        yield (
            f"neutron_bridge_address: {address} is outside demo_external_cidr {cidr}, so that nothing leads "
            "from here to floating IPs; expected: both of one network"
        )


def _taken(settings: Settings) -> Iterator[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, str]]:
    """Addresses of hosts and of the cloud itself; names and empty ones say nothing about ranges."""
    for text in dict.fromkeys(settings["taken"]):
        try:
            yield ipaddress.ip_interface(text).ip, "an address of the cloud's hosts or its own"
        except ValueError:
            continue


def _network_mistakes(settings: Settings) -> Iterator[str]:
    external = ipaddress.ip_network(settings["external"]["cidr"])
    own = ipaddress.ip_network(settings["network"]["cidr"])
    if external.overlaps(own):
        yield f"demo_network_cidr {own} overlaps demo_external_cidr {external}"
    if own.version == 4 and own.prefixlen > SMALLEST_NETWORK:
        yield f"demo_network_cidr: {own} is too small; expected: a prefix up to /{SMALLEST_NETWORK}"


def _flavor_mistakes(settings: Settings) -> Iterator[str]:
    names = []
    for flavor in settings["flavors"]:
        numbers = isinstance(flavor, Mapping) and [flavor.get(key) for key in FLAVOR[1:]]
        if not numbers or not all(type(n) is int and n >= 0 for n in numbers) or "name" not in flavor:
            yield f"demo_flavors: {flavor} is no flavour; expected: {', '.join(FLAVOR)}"
            continue
        unknown = sorted(set(flavor) - {*FLAVOR, *FLAVOR_OPTIONS})
        if unknown:
            known = ", ".join((*FLAVOR, *FLAVOR_OPTIONS))
            yield f"demo_flavors: {flavor['name']} has {', '.join(unknown)}; expected: only {known}"
        names.append(flavor["name"])
    server = settings["server"]
    if server is not None and server["flavor"] not in names:
        yield f"demo_server_flavor: '{server['flavor']}' is none of demo_flavors: {', '.join(names)}"


def overlapping(cidr: str, others: Iterable[tuple[str, str]]) -> str | None:
    """The first of other external networks (name, cidr) whose addresses are partly ours, in a sentence."""
    own = ipaddress.ip_network(cidr)
    for name, other in others:
        network = ipaddress.ip_network(other)
        if own.version == network.version and own.overlaps(network):
            return f"demo_external_cidr {cidr} overlaps {other} of the external network {name}"
    return None


def differences(
    network: Mapping[str, Any], fixed: Mapping[str, Any], cidr: str, ranges: Collection[str]
) -> str | None:
    """What of a network that is there cannot be changed to what is wanted, in a sentence; None for nothing.

    `fixed` is what its provider fixes for good, `ranges` the addresses of the subnets it has.
    """
    found = [(key, network[key], value) for key, value in fixed.items()]
    if ranges and cidr not in ranges:
        found.append(("addresses", ", ".join(ranges), cidr))
    for key, present, wanted in found:
        if present != wanted:
            return (
                f"network {network['name']} is there with {key} {present}, wanted is {wanted}: "
                "remove it, or have another name in the settings"
            )
    return None


def changed(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What of a thing is to be changed to what is wanted."""
    return {key: value for key, value in wanted.items() if present[key] != value}


def flavor_differs(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """Why a flavour that is there, and cannot be changed, is not the one that is wanted, in a sentence."""
    # Nova may have nothing where there is no swap.
    if all((present[key] or None) == (value or None) for key, value in wanted.items()):
        return None
    found = {key: present[key] for key in wanted}
    return (
        f"flavour {wanted['name']} is there with {found}, demo_flavors wants {wanted}: "
        "remove it, or have another name in demo_flavors"
    )


def same_key(one: str, other: str) -> bool:
    """Whether two public keys are one, whatever is said of them in the comment behind."""
    return one.split()[:2] == other.split()[:2]


def unfinished(status: str) -> bool:
    """Whether an image is of a run that ended while it sent the data: it never becomes one."""
    return status in ("queued", "saving")


def usable(status: str, present: str | None, wanted: str) -> bool:
    """Whether an image is there, and comes from where (`source`) it should."""
    return status == "active" and present == wanted


def gibibytes(size: int) -> int:
    """Whole GiB that have room for so many bytes."""
    return -(-size // (1 << 30))


def raised(present: Mapping[str, int], wanted: Mapping[str, int]) -> dict[str, int]:
    """The quotas that are to be raised. ValueError names one that does not exist. -1 is without limit."""
    for name in wanted:
        if name not in present:
            known = ", ".join(sorted(present))
            raise ValueError(f"demo_quotas: there is no quota '{name}'; expected: one of {known}")
    return {
        name: value
        for name, value in wanted.items()
        if present[name] != -1 and (value == -1 or value > present[name])
    }


def settled(wanted: Mapping[str, int], providers: Iterable[Provider]) -> bool:
    """Whether a host offers what is wanted and is ready: if it has no room now, waiting gives none."""
    return any(wanted.keys() <= p.inventory.keys() and DISABLED not in p.traits for p in providers)


def why_no_place(wanted: Mapping[str, int], providers: Iterable[Provider]) -> str:
    """Why no host can take a server that needs these resources (class -> amount), host by host."""
    reasons = [f"{provider.name}: {_lacking(wanted, provider)}" for provider in providers]
    if not reasons:
        return "no compute host has told the placement service what it has"
    return "; ".join(reasons)


def _lacking(wanted: Mapping[str, int], provider: Provider) -> str:
    lacks = []
    for name, amount in wanted.items():
        inventory = provider.inventory.get(name)
        if inventory is None:
            lacks.append(f"offers no {name}")
            continue
        capacity = int((inventory["total"] - inventory["reserved"]) * inventory["allocation_ratio"])
        free = capacity - provider.used.get(name, 0)
        if amount > free:
            lacks.append(f"{free} of {capacity} {name} are free, {amount} are needed")
        elif amount > inventory["max_unit"]:
            lacks.append(f"gives a server at most {inventory['max_unit']} {name}, {amount} are needed")
    if DISABLED in provider.traits:
        lacks.append("its compute service is disabled or not ready yet")
    return ", ".join(lacks) or "has room, but is refused for another reason (aggregates, traits)"
