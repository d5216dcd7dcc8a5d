"""A cluster of storage alone, and what is written to it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from system.harness import Kolla
from system.multinode import cloud_on
from system.rig import Rig

NOT_HERE = (
    *("demo", "glance", "haproxy", "keepalived", "keystone", "mariadb", "memcached", "neutron", "nova"),
    *("openvswitch", "ovn", "placement", "rabbitmq", "toolbox"),
)
LINE = "what is written is read again"
COUNT = 100_000


@dataclass(frozen=True)
class Storage:
    """Hosts that all store, and decide; the first is asked."""

    rig: Rig
    cloud: Kolla
    host: str

    def run(self, *command: str, host: str = "") -> str:
        """Run a command on a host, or on the one that is asked; its output."""
        return self.rig.run(host or self.host, command)

    def ceph(self, *words: str) -> str:
        """Run a program of the cluster's."""
        return self.run("docker", "exec", "ceph_mon", *words)

    def says(self, wanted: str, seconds: float = 120) -> None:
        """The cluster comes to say this of its health."""
        until = time.monotonic() + seconds
        while wanted not in (said := self.health()):
            assert time.monotonic() < until, said
            time.sleep(2)

    def health(self) -> str:
        """In the cluster's words, or why there are none: monitors that only begin say nothing."""
        try:
            return self.ceph("ceph", "--connect-timeout", "10", "health", "detail")
        except RuntimeError as error:
            return str(error)

    def write(self, name: str) -> str:
        """An image in a pool of our own; the digest of what is in it."""
        script = f"yes '{LINE}' | head -n {COUNT} > /tmp/{name}"
        self.ceph("sh", "-c", f"{script} && rbd import --no-progress /tmp/{name} try/{name}")
        return hashlib.sha256(f"{LINE}\n".encode() * COUNT).hexdigest()

    def read(self, name: str) -> str:
        """The digest of what is in the image now."""
        return self.ceph("sh", "-c", f"rbd export --no-progress try/{name} - | sha256sum").split()[0]


@contextmanager
def storage_on(
    name: str, hosts: Sequence[str], directory: Path, machine: Path | None, **settings: Any
) -> Iterator[Storage]:
    """The cluster, deployed on hosts of its own, with the pool; the hosts go at the end."""
    listed = "\n".join(hosts)
    groups = f"[control]\n{listed}\n\n[storage]\n{listed}\n"
    given = {f"enable_{service}": False for service in NOT_HERE} | {"enable_ceph": True} | settings
    with (
        Rig.running(name, hosts) as rig,
        cloud_on(rig, directory, name, groups, given, machine) as cloud,
    ):
        storage = Storage(rig, cloud, hosts[0])
        storage.ceph("ceph", "osd", "pool", "create", "try", "8")
        storage.ceph("rbd", "pool", "init", "try")
        yield storage


def disks(names: str) -> list[dict[str, str]]:
    """Disks of these letters, in files."""
    return [{"name": name, "file": "2G"} for name in names]
