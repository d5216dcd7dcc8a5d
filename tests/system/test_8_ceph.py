"""Shared storage on one host: read while a disk is lost, added, removed, and when all is made anew."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from system.multinode import HOST, OneHost, cloud_on
from system.rig import Rig

pytestmark = pytest.mark.long

GROUPS = f"[control]\n{HOST}\n\n[storage]\n{HOST}\n"
NOT_HERE = (
    *("demo", "glance", "haproxy", "keepalived", "keystone", "mariadb", "memcached", "neutron", "nova"),
    *("openvswitch", "ovn", "placement", "rabbitmq", "toolbox"),
)
WORDS = "what is written is read again\n" * 100_000


@pytest.fixture(scope="module")
def storage(machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneHost]:
    """A cluster of three disks, deployed."""
    settings = {f"enable_{service}": False for service in NOT_HERE}
    settings |= {"enable_ceph": True, "ceph_osds": disks("abc")}
    directory = tmp_path_factory.mktemp("ceph")
    with (
        Rig.running("ceph", [HOST]) as rig,
        cloud_on(rig, directory, "ceph", GROUPS, settings, machine_globals) as cloud,
    ):
        yield OneHost(rig, cloud)


def disks(names: str) -> list[dict[str, str]]:
    return [{"name": name, "file": "2G"} for name in names]


def ceph(storage: OneHost, *words: str) -> str:
    return storage.run("docker", "exec", "ceph_mon", *words)


def says(storage: OneHost, wanted: str) -> None:
    """The cluster comes to say this of its health."""
    until = time.monotonic() + 120
    while wanted not in (said := ceph(storage, "ceph", "health", "detail")):
        assert time.monotonic() < until, said
        time.sleep(2)


def read(storage: OneHost) -> str:
    return ceph(storage, "sh", "-c", "rbd export --no-progress try/words - | sha256sum").split()[0]


@pytest.fixture(scope="module")
def written(storage: OneHost) -> str:
    """Digest of what is in an image of a pool."""
    ceph(storage, "ceph", "osd", "pool", "create", "try", "8")
    ceph(storage, "rbd", "pool", "init", "try")
    script = f"yes 'what is written is read again' | head -n {WORDS.count(chr(10))} > /tmp/words"
    ceph(storage, "sh", "-c", f"{script} && rbd import --no-progress /tmp/words try/words")
    return hashlib.sha256(WORDS.encode()).hexdigest()


def test_what_is_written_is_read_and_all_is_well(storage: OneHost, written: str) -> None:
    assert read(storage) == written
    says(storage, "HEALTH_OK")
    found = {finding["subject"]: finding for finding in storage.cloud.json("check")}
    assert "3 of 3 disks serve" in found["ceph/check-health"]["message"]


def test_without_one_disk_it_is_read_and_the_cluster_says_what_is_missing(
    storage: OneHost, written: str
) -> None:
    storage.run("docker", "stop", "ceph_osd_b")
    says(storage, "OSD_DOWN")
    says(storage, "PG_DEGRADED")
    assert read(storage) == written
    storage.run("docker", "start", "ceph_osd_b")
    says(storage, "HEALTH_OK")


def test_a_disk_that_the_copies_need_is_not_removed(storage: OneHost, written: str) -> None:
    said = storage.cloud.run("ceph-osd-remove", "node1/a", expect=1)
    assert "keeps 3 copies, and 2 disks would be left" in said
    assert read(storage) == written


def test_a_disk_is_added_and_another_removed_and_nothing_is_lost(storage: OneHost, written: str) -> None:
    storage.cloud.set(ceph_osds=disks("abcd"))
    storage.cloud.run("deploy")
    storage.cloud.run("ceph-osd-remove", "node1/a")
    storage.cloud.set(ceph_osds=disks("bcd"))
    storage.cloud.run("deploy")
    assert "ceph_osd_a" not in storage.run("docker", "ps", "-a", "--format", "{{.Names}}")
    assert "ceph_osd_a" in storage.run("docker", "volume", "ls", "-q")
    assert read(storage) == written
    says(storage, "HEALTH_OK")
    assert "Nothing to do" in storage.cloud.run("deploy")


def test_when_every_container_was_removed_a_deploy_finds_the_data(storage: OneHost, written: str) -> None:
    storage.run("sh", "-c", "docker rm --force $(docker ps --all --quiet)")
    storage.cloud.run("deploy")
    assert read(storage) == written
    says(storage, "HEALTH_OK")
