"""What is written for a cloud on the hosts of a rig: who does what, the inventory, the settings. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

import yaml

VIP = 250
"""Number of the virtual address in the network of the API."""
FIRST_BRIDGE = 3
"""Number of the first controller's address in the external network; the others follow."""
FLOATING = (100, 199)
"""Numbers of the first and the last floating IP there."""
CONTROLLERS = 3
"""So many hosts can lose one and go on."""

BUILDING = """\
# `kolla build` also pushes: the hosts pull from the registry beside them.
[DEFAULT]
push = true
"""

COMMENTS = {
    "cloud_name": "Made by make cloud HOSTS=... Every key there is: docs/reference/settings.md",
    "network_interface": "Interfaces of the hosts, in this order: API, tunnels, the outside.",
    "kolla_internal_vip_address": "No host has it as its own: the cloud gives it to one of the controllers.",
    "docker_registry": "It answers here and on every host at this address.",
    "openstack_service_workers": "All hosts share the memory and the processors of one machine.",
    "nova_compute_virt_type": "Servers are emulated: slow, and works everywhere.",
    "demo_external_cidr": "The external network: this machine is its gateway and reaches the floating IPs.",
}


@dataclass(frozen=True)
class Surroundings:
    """Where the hosts are, as far as what is written depends on it."""

    addresses: Mapping[str, str]
    """Host -> its address in the network of the API."""
    api: IPv4Network
    external: IPv4Network
    registry: str
    directory: Path
    """Where key and known hosts are."""


def roles(count: int) -> tuple[list[str], list[str]]:
    """The controllers and the compute hosts among so many hosts. ValueError for fewer than two: one that is
    both needs no emulated host."""
    if count < 2:
        raise ValueError("a cloud on emulated hosts has two or more of them")
    hosts = [f"node{number}" for number in range(1, count + 1)]
    controllers = CONTROLLERS if count > CONTROLLERS else 1
    return hosts[:controllers], hosts[controllers:]


def inventory(hosts: str, controllers: Sequence[str], compute: Sequence[str], external: IPv4Network) -> str:
    """The rig's own inventory, `hosts`, with the usual groups."""
    return f"{hosts}\n{groups(controllers, compute, external)}"


def groups(
    controllers: Sequence[str], compute: Sequence[str], external: IPv4Network, **variables: str
) -> str:
    """The usual groups. Controllers are network nodes, with an address on the external network of their own,
    and further variables."""
    given = "".join(f" {key}={value}" for key, value in variables.items())
    bridges = [
        f"{host}{given} neutron_bridge_address={external[FIRST_BRIDGE + number]}/{external.prefixlen}"
        for number, host in enumerate(controllers)
    ]
    found = {"control": bridges, "network:children": ["control"], "compute": compute}
    return "\n".join(f"[{name}]\n" + "\n".join(of) + "\n" for name, of in found.items())


def settings(name: str, around: Surroundings, extra: Mapping[str, object]) -> str:
    """The text of globals.yml of the cloud with this name; `extra` wins."""
    found = {
        **of_any(name, around.api, around.registry),
        "tunnel_interface": "eth1",
        "neutron_external_interface": "eth2",
        **of_servers(around.external),
        **extra,
    }
    return commented(found)


def of_any(name: str, api: IPv4Network, registry: str) -> dict[str, object]:
    """Settings of every cloud on hosts of a rig."""
    return {
        "cloud_name": name,
        "kolla_internal_vip_address": str(api[VIP]),
        "enable_keepalived": True,
        "docker_registry": registry,
        "docker_registry_insecure": True,
        "network_interface": "eth0",
    }


def of_servers(external: IPv4Network) -> dict[str, object]:
    """Further settings of one with servers: emulated, with floating IPs of the external network."""
    return {
        "openstack_service_workers": 1,
        "nova_compute_virt_type": "qemu",
        "demo_external_cidr": str(external),
        "demo_external_gateway": str(external[1]),
        "demo_external_range": "-".join(str(external[number]) for number in FLOATING),
    }


def commented(values: Mapping[str, object]) -> str:
    """Settings as YAML, with why they are set, where there is something to say."""
    lines = []
    for key, value in values.items():
        lines += [f"# {COMMENTS[key]}"] if key in COMMENTS else []
        lines.append(yaml.safe_dump({key: value}, sort_keys=False).rstrip("\n"))
    return "\n".join(lines) + "\n"


def ssh_config(around: Surroundings) -> str:
    """With it, `ssh -F FILE HOST` logs in to a host."""
    common = (
        "Host *\n"
        "  User root\n"
        f"  IdentityFile {around.directory}/key\n"
        "  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {around.directory}/known_hosts\n"
        "  StrictHostKeyChecking accept-new\n"
    )
    return "".join(f"Host {name}\n  HostName {at}\n" for name, at in around.addresses.items()) + common


def farewell(
    controllers: Sequence[str], compute: Sequence[str], directory: Path, rig: str, sudo: bool, program: str
) -> str:
    """How people go on with the hosts."""
    root = "sudo " if sudo else ""
    return "\n".join(
        [
            "",
            f"  hosts     {', '.join(controllers)}: control and network; {', '.join(compute)}: servers",
            f"            {root}ssh -F {directory}/ssh_config {compute[0]}",
            f"            {root}{program} -m tests.system.rig --name {rig} kill {controllers[0]}"
            "    (a power cut; start: a boot)",
        ]
    )
