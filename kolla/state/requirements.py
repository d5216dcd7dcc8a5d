"""What hosts must offer before a deploy can succeed, and images as a plan of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kolla.build_report import BuildReport
from kolla.state.desired import Desired
from kolla.state.host_state import HostState
from kolla.state.order import ordered
from kolla.state.plan import Operation, Plan
from kolla.state.reconcile import fingerprint, image_operation

SPARE_DISK = 1 << 30
"""Bytes that must stay free besides what images take: databases and logs grow from the first minute."""

ENGINE_DIRECTORY = "/var/lib/docker"


def requests(
    desired: Desired, states: Mapping[str, HostState], report: BuildReport
) -> dict[str, dict[str, Any]]:
    """Host -> precheck request: addresses it must have (the VIP, where the load balancer runs), ports to be
    free, disk space for the images it does not have yet.
    """
    result = {}
    for host, state in states.items():
        own = [c for c in desired.containers if c.host == host]
        missing = {c.image.name: c.image.size or 0 for c in own if c.spec.image not in state.images}
        result[host] = {
            "addresses": sorted({address for _, address, _ in desired.sockets(host)}),
            "ports": [
                {"address": address, "port": port, "service": service}
                for service, address, port in desired.sockets(host)
            ],
            "directories": {ENGINE_DIRECTORY: sum(missing.values()) + SPARE_DISK},
        }
    return result


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
