"""A small cloud on two hosts that changes its images, or its OpenStack release, and what is to be seen of it.

It has of each kind what such a change goes through: proxy, cache, database, message bus, and identity, which
both hosts have.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from system.client import OpenStack
from system.harness import Kolla
from system.multinode import NO_SERVERS, cloud_on
from system.rig import Rig

OLDER, NEWER = "2025.2", "2026.1"
HOSTS = ("node1", "node2")
GROUPS = """\
[control]
node1
node2

[mariadb]
node1

[rabbitmq]
node1
"""
BROKEN = {"keystone": {"blocks": {"after": 'RUN rm "$(command -v uwsgi)"\n'}}}
"""`image_overrides` of an image whose container does not start, though all its other programs do."""

BACKUP = "mariadb_backup"
"""The volume of backups."""

OBSERVE = r"""
import hashlib, json, pathlib, subprocess, sys

def out(*words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout

def records(kind, key):
    return {path.name: json.loads(path.read_text())[key] for path in (cloud / kind).glob("*")}

cloud = pathlib.Path("/var/lib/kolla") / sys.argv[1]
containers, folders = {}, set()
for id in out("docker", "ps", "--all", "--quiet", "--filter", "label=kolla.cloud").split():
    (found,) = json.loads(out("docker", "inspect", id))
    labels = found["Config"]["Labels"]
    folders.add(pathlib.Path(labels["kolla.folder"]).parent)
    containers[found["Name"]] = {
        "spec": labels["kolla.spec"],
        "image": found["Image"],
        "state": found["State"]["Status"],
        "mounts": sorted([m["Destination"], m.get("Name", m["Source"])] for m in found["Mounts"]),
    }
print(json.dumps({
    "containers": containers,
    "files": {
        str(path): [hashlib.sha256(path.read_bytes()).hexdigest(), oct(path.stat().st_mode)]
        for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()
    },
    "jobs": records("jobs", "key"),
    "taken": records("taken", "digest"),
    "upgrade": [path.read_text() for path in cloud.glob("upgrade.json")],
    "volumes": sorted(out("docker", "volume", "ls", "--quiet").split()),
}, sort_keys=True))
"""
"""Prints what a host is like, without what differs between equally good hosts: ids, times, generations."""

SCHEMA = """
select table_name, column_name, column_type, is_nullable from information_schema.columns
  where table_schema = 'keystone' order by 1, 2;
select table_name, index_name, seq_in_index, column_name from information_schema.statistics
  where table_schema = 'keystone' order by 1, 2, 3;
select version_num from keystone.alembic_version order by 1;
"""
ROWS = """
select user_id, name from keystone.local_user order by 1;
select id, name from keystone.project order by 1;
select id, interface, url from keystone.endpoint order by 1;
"""


@dataclass(frozen=True)
class Between:
    """The hosts, and the cloud on them."""

    rig: Rig
    cloud: Kolla

    @property
    def openstack(self) -> OpenStack:
        return OpenStack.of(self.cloud.config_directory)

    def build(self, release: str, *images: str, **settings: Any) -> None:
        """Have the images of a release, or single ones, for the next verb to use."""
        self.cloud.set(openstack_release=release, **settings)
        self.cloud.run("build", "--push", *(images or ("--profile", "enabled")))

    def hosts(self) -> dict[str, Any]:
        """What was made of each host."""
        name = yaml.safe_load((self.cloud.config_directory / "globals.yml").read_text())["cloud_name"]
        return {host: json.loads(self.rig.run(host, ["python3", "-c", OBSERVE, name])) for host in HOSTS}

    def serving(self) -> dict[str, Any]:
        """What serves on each host, and its data; not the records of jobs and upgrades, nor the backup that
        an upgrade makes and leaves."""
        kinds = ("containers", "files", "taken", "volumes")
        found = {host: {kind: seen[kind] for kind in kinds} for host, seen in self.hosts().items()}
        for seen in found.values():
            seen["volumes"] = [name for name in seen["volumes"] if name != BACKUP]
        return found

    def schema(self) -> str:
        """Tables, columns and indexes of the database, and what migrations it knows of."""
        return self.query(SCHEMA)

    def rows(self) -> str:
        """What users and services have written."""
        return self.query(ROWS)

    def make_user(self, name: str) -> None:
        """Write something that is not to be lost."""
        self.openstack.call("POST", "identity", "/users", {"user": {"name": name}})

    def query(self, statements: str) -> str:
        """What the database answers."""
        passwords = yaml.safe_load((self.cloud.config_directory / "passwords.yml").read_text())
        password = f"--password={passwords['database_password']}"
        command = ["mariadb", "-uroot", password, f"-h{self.rig.address(HOSTS[0])}", "-BN", "-e", statements]
        return self.rig.run(HOSTS[0], ["docker", "exec", "mariadb", *command])


@contextmanager
def small_cloud(name: str, directory: Path, release: str, machine: Path | None) -> Iterator[Between]:
    """Deployed with the images of a release; the hosts go at the end."""
    with Rig.running(name, HOSTS) as rig:
        settings = {**NO_SERVERS, "openstack_release": release, "openstack_service_workers": 1}
        with cloud_on(rig, directory, name, GROUPS, settings, machine) as cloud:
            cloud.run("post-deploy")
            yield Between(rig, cloud)
