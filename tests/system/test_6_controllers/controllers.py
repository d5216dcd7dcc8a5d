"""A cloud with three controllers and a compute host, for the tests of what outlives one of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from system.harness import Kolla
from system.multinode import cloud_with_servers
from system.rig import Rig

CONTROLLERS = ("node1", "node2", "node3")
COMPUTE = "node4"
DATABASE_CLIENT = (Path(__file__).parent / "database_client.py").read_text()


@dataclass(frozen=True)
class Controllers:
    """The hosts, and the cloud on them."""

    rig: Rig
    cloud: Kolla

    def ask_database(self, host: str, verb: str, address: str, *words: str) -> dict[str, Any]:
        """What a client of the database says that runs on a host; its verbs: database_client.py."""
        passwords = yaml.safe_load((self.cloud.config_directory / "passwords.yml").read_text())
        given = (verb, address, str(passwords["database_password"]), *words)
        said = self.rig.run(host, ["docker", "exec", "keystone", "python3", "-c", DATABASE_CLIENT, *given])
        found: dict[str, Any] = json.loads(said)
        return found


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
