"""Shared storage on one host: read while a disk is lost, added, removed, and when all is made anew."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from system.harness import Kolla
from system.multinode import cloud_on
from system.rig import Rig

pytestmark = pytest.mark.long

GROUPS = "[control]\nnode1\n\n[storage]\nnode1\n"
NOT_HERE = (
    *("demo", "glance", "haproxy", "keepalived", "keystone", "mariadb", "memcached", "neutron", "nova"),
    *("openvswitch", "ovn", "placement", "rabbitmq", "toolbox"),
)
WORDS = "what is written is read again\n" * 100_000


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig.running("ceph", ["node1"]) as rig:
        yield rig


@pytest.fixture(scope="module")
def storage(
    rig: Rig, machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kolla]:
    """A cluster of three disks, deployed."""
    settings = {f"enable_{service}": False for service in NOT_HERE}
    settings |= {"enable_ceph": True, "ceph_osds": disks("abc")}
    with cloud_on(rig, tmp_path_factory.mktemp("ceph"), "ceph", GROUPS, settings, machine_globals) as cloud:
        yield cloud


def disks(names: str) -> list[dict[str, str]]:
    return [{"name": name, "file": "2G"} for name in names]


def ceph(rig: Rig, *words: str) -> str:
    return rig.run("node1", ["docker", "exec", "ceph_mon", *words])


def says(rig: Rig, wanted: str) -> None:
    """The cluster comes to say this of its health."""
    until = time.monotonic() + 120
    while wanted not in (said := ceph(rig, "ceph", "health", "detail")):
        assert time.monotonic() < until, said
        time.sleep(2)


def read(rig: Rig) -> str:
    return ceph(rig, "sh", "-c", "rbd export --no-progress try/words - | sha256sum").split()[0]


@pytest.fixture(scope="module")
def written(rig: Rig, storage: Kolla) -> str:
    """Digest of what is in an image of a pool."""
    ceph(rig, "ceph", "osd", "pool", "create", "try", "8")
    ceph(rig, "rbd", "pool", "init", "try")
    script = f"yes 'what is written is read again' | head -n {WORDS.count(chr(10))} > /tmp/words"
    ceph(rig, "sh", "-c", f"{script} && rbd import --no-progress /tmp/words try/words")
    return hashlib.sha256(WORDS.encode()).hexdigest()


def test_what_is_written_is_read_and_all_is_well(rig: Rig, storage: Kolla, written: str) -> None:
    assert read(rig) == written
    says(rig, "HEALTH_OK")
    found = {finding["subject"]: finding for finding in storage.json("check")}
    assert "3 of 3 disks serve" in found["ceph/check-health"]["message"]


def test_without_one_disk_it_is_read_and_the_cluster_says_what_is_missing(rig: Rig, written: str) -> None:
    rig.run("node1", ["docker", "stop", "ceph_osd_b"])
    says(rig, "OSD_DOWN")
    says(rig, "PG_DEGRADED")
    assert read(rig) == written
    rig.run("node1", ["docker", "start", "ceph_osd_b"])
    says(rig, "HEALTH_OK")


def test_a_disk_that_the_copies_need_is_not_removed(rig: Rig, storage: Kolla, written: str) -> None:
    said = storage.run("ceph-osd-remove", "node1/a", expect=1)
    assert "keeps 3 copies, and 2 disks would be left" in said
    assert read(rig) == written


def test_a_disk_is_added_and_another_removed_and_nothing_is_lost(
    rig: Rig, storage: Kolla, written: str
) -> None:
    storage.set(ceph_osds=disks("abcd"))
    storage.run("deploy")
    storage.run("ceph-osd-remove", "node1/a")
    storage.set(ceph_osds=disks("bcd"))
    storage.run("deploy")
    assert "ceph_osd_a" not in rig.run("node1", ["docker", "ps", "-a", "--format", "{{.Names}}"])
    assert "ceph_osd_a" in rig.run("node1", ["docker", "volume", "ls", "-q"])
    assert read(rig) == written
    says(rig, "HEALTH_OK")
    assert "Nothing to do" in storage.run("deploy")


def test_when_every_container_was_removed_a_deploy_finds_the_data(
    rig: Rig, storage: Kolla, written: str
) -> None:
    rig.run("node1", ["sh", "-c", "docker rm --force $(docker ps --all --quiet)"])
    storage.run("deploy")
    assert read(rig) == written
    says(rig, "HEALTH_OK")
