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


@dataclass(frozen=True)
class Controllers:
    """The hosts, and the cloud on them."""

    rig: Rig
    cloud: Kolla


@contextmanager
def three_controllers(
    directory: Path, machine: Path | None, name: str = "controllers", *, disk: str = "", **settings: Any
) -> Iterator[Controllers]:
    """Deployed, with its first network, image and server; the hosts go at the end. `disk`: as in a Rig."""
    with (
        Rig.running(name, [*CONTROLLERS, COMPUTE], disk=disk) as rig,
        cloud_with_servers(
            rig,
            directory,
            name,
            {"tunnel_interface": "eth1", **settings},
            machine,
            controllers=CONTROLLERS,
            compute=[COMPUTE],
        ) as cloud,
    ):
        yield Controllers(rig, cloud)
