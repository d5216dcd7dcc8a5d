"""A cloud with three controllers and a compute host, for the tests of what outlives one of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from system.harness import Kolla
from system.multinode import cloud_with_servers
from system.rig import Rig

CONTROLLERS = ("node1", "node2", "node3")
COMPUTE = "node4"
DISK = "24G"
"""Of each host: images of two releases, and room."""
GROUPS = f"""\
[control]
{{hosts}}

[network:children]
control

[compute]
{COMPUTE}
"""


@dataclass(frozen=True)
class Controllers:
    """The hosts, and the cloud on them."""

    rig: Rig
    cloud: Kolla


@contextmanager
def three_controllers(
    directory: Path, machine: Path | None, name: str = "controllers", **settings: Any
) -> Iterator[Controllers]:
    """Deployed, with its first network, image and server; the hosts go at the end."""
    with Rig.running(name, [*CONTROLLERS, COMPUTE], disk=DISK) as rig:
        outside = rig.subnet("external")
        bridges = {host: f"{outside[3 + number]}/24" for number, host in enumerate(CONTROLLERS)}
        hosts = "\n".join(
            f"{host} neutron_external_interface=eth2 neutron_bridge_address={bridge}"
            for host, bridge in bridges.items()
        )
        settings = {"tunnel_interface": "eth1", **settings}
        groups = GROUPS.format(hosts=hosts)
        with cloud_with_servers(rig, directory, name, groups, settings, machine) as cloud:
            yield Controllers(rig, cloud)
