"""What hosts must offer before a deploy can succeed, and images as a plan of their own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from kolla.build_report import BuildReport
from kolla.state import adoption
from kolla.state.desired import Desired, grouped
from kolla.state.facts import HostFacts
from kolla.state.host_state import HostState
from kolla.state.needs import Requirement
from kolla.state.order import ordered
from kolla.state.plan import Operation, Plan
from kolla.state.reconcile import fingerprint, image_operation
from kolla.state.topology import engine_name

SPARE_DISK = 1 << 30
"""Bytes that must stay free besides what images take: databases and logs grow from the first minute."""

MIB = 1 << 20
BASE_MEMORY = 512 * MIB
"""Bytes a host needs for itself and the engine."""


def requests(
    desired: Desired,
    states: Mapping[str, HostState],
    report: BuildReport,
    facts: Mapping[str, HostFacts],
) -> dict[str, dict[str, Any]]:
    """Host -> precheck request: addresses it must have (the VIP, where nothing moves it), or is to get and
    by which number, ports to be free, disk space for the images it does not have yet and for what services
    keep, memory, devices, sockets, what loads a firewall.
    """
    result = {}
    interfaces = [each for known in facts.values() for each in known.interfaces.values()]
    held = {address for each in interfaces for address in (*each.addresses, *each.addresses6)}
    elsewhere = _moved(desired) & held
    virtual = {address: r.name for r in desired.requirements for address in r.virtual_addresses}
    required = grouped(desired.requirements, lambda requirement: requirement.host)
    for host, state in states.items():
        own = desired.containers_on(host)
        missing = {c.image.name: c.image.size or 0 for c in own if c.spec.image not in state.images}
        asked = required.get(host, ())
        result[host] = {
            "addresses": sorted(
                {address for _, address, _ in desired.sockets(host)} - virtual.keys() - elsewhere
            ),
            "virtual_addresses": [
                {"address": a, "name": r.name, "container": engine_name(r.name), "held": a in held}
                for r in asked
                for a in dict.fromkeys(r.virtual_addresses)
            ],
            "virtual_routers": [
                {**asdict(router), "name": r.name, "container": engine_name(r.name), "peers": sorted(held)}
                for r in asked
                for router in r.virtual_routers
            ],
            "ports": [
                {"address": address, "port": port, "service": service}
                for service, address, port in desired.sockets(host)
            ],
            "directories": _directories(asked),
            "engine_space": sum(missing.values()) + SPARE_DISK + _volumes(asked),
            "memory": BASE_MEMORY + sum(requirement.memory for requirement in asked) * MIB,
            "devices": {path: r.name for r in reversed(asked) for path in r.devices},
            "sockets": {path: r.name for r in reversed(asked) for path in r.sockets},
            "virtualization": [
                {"kind": r.virtualization, "setting": r.virtualization_setting, "name": r.name}
                for r in asked
                if r.virtualization
            ],
            "hostname": any(requirement.hostname for requirement in asked),
            "firewall": any(needs.firewall for needs in desired.needs_of.get(host, {}).values()),
            "makes_way": sorted({name for c in own for name in adoption.replaced(desired, c, state)}),
        }
    return result


def _moved(desired: Desired) -> set[str]:
    """Addresses that several hosts listen on: something moves them, and one of the hosts has them."""
    listening: dict[str, set[str]] = {}
    for container in desired.containers:
        for address, _ in container.sockets:
            listening.setdefault(address, set()).add(container.host)
    return {address for address, hosts in listening.items() if len(hosts) > 1}


def _directories(asked: Collection[Requirement]) -> dict[str, int]:
    """Directory -> bytes that must be free in it."""
    needed: dict[str, int] = {}
    for requirement in asked:
        for place, amount in requirement.disk.items():
            if place.startswith("/"):
                needed[place] = needed.get(place, 0) + amount * MIB
    return needed


def _volumes(asked: Collection[Requirement]) -> int:
    """Bytes that volumes take, in the engine's own directory: only the engine knows which that is."""
    amounts = (requirement.disk.items() for requirement in asked)
    return MIB * sum(amount for each in amounts for place, amount in each if not place.startswith("/"))


def image_plan(desired: Desired, states: Mapping[str, HostState]) -> Plan:
    """Getting every image its host needs and does not have."""
    operations: dict[str, Operation] = {}
    for node in desired.nodes:
        state = states.get(node.host)
        if state is not None and node.spec.image not in state.images:
            operation = image_operation(node.image, node.host)
            operations[operation.id] = operation
    return Plan(
        cloud_name=desired.cloud_name,
        cloud_id=desired.cloud_id,
        precondition=fingerprint(states),
        operations=tuple(ordered(list(operations.values()))),
    )
