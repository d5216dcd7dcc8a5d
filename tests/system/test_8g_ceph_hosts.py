"""Shared storage on three hosts: written and read without one of them, and after all lost their power."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from system.storage import Storage, disks, storage_on

pytestmark = pytest.mark.long

HOSTS = ("node1", "node2", "node3")
BOOT = 240
"""Seconds until a cluster is well again whose hosts boot: disks report once monitors agree."""


@pytest.fixture(scope="module")
def storage(machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """A monitor and a disk on each host, deployed."""
    directory = tmp_path_factory.mktemp("cephs")
    with storage_on("cephs", HOSTS, directory, machine_globals, ceph_osds=disks("a")) as storage:
        yield storage


@pytest.fixture(scope="module")
def written(storage: Storage) -> str:
    """Digest of what is in the image `words`, and in those written later."""
    return storage.write("words")


def deciding(storage: Storage) -> set[str]:
    """Monitors that decide."""
    status = json.loads(storage.ceph("ceph", "quorum_status", "--format", "json"))
    return set(status["quorum_names"])


def test_every_host_has_a_copy_and_all_is_well(storage: Storage, written: str) -> None:
    storage.says("HEALTH_OK")
    assert deciding(storage) == set(HOSTS)
    pool = json.loads(storage.ceph("ceph", "osd", "pool", "get", "try", "size", "--format", "json"))
    assert pool["size"] == len(HOSTS)
    tree = json.loads(storage.ceph("ceph", "osd", "tree", "--format", "json"))["nodes"]
    disk_of = {node["name"]: node["children"] for node in tree if node["type"] == "host"}
    assert set(disk_of) == set(HOSTS)
    stored = json.loads(storage.ceph("ceph", "osd", "map", "try", "words", "--format", "json"))
    assert sorted(stored["acting"]) == sorted(disk for disks in disk_of.values() for disk in disks)
    assert storage.read("words") == written
    assert storage.cloud.plan() == []


def test_without_a_host_it_is_read_and_written_and_that_one_catches_up(
    storage: Storage, written: str
) -> None:
    storage.rig.kill(HOSTS[-1])
    storage.says("OSD_HOST_DOWN")
    storage.says("MON_DOWN")
    assert storage.read("words") == written
    assert storage.write("meanwhile") == storage.read("meanwhile")
    storage.rig.start(HOSTS[-1])
    storage.says("HEALTH_OK", BOOT)
    assert deciding(storage) == set(HOSTS)


def test_a_disk_that_the_copies_need_is_not_removed(storage: Storage, written: str) -> None:
    said = storage.cloud.run("ceph-osd-remove", f"{HOSTS[-1]}/a", expect=1)
    assert "keeps 3 copies, and 2" in said
    assert storage.read("words") == written


def test_a_monitor_without_its_data_gets_it_from_the_others(storage: Storage, written: str) -> None:
    storage.run("docker", "rm", "--force", "ceph_mon", host=HOSTS[1])
    storage.run("docker", "volume", "rm", "ceph_mon", host=HOSTS[1])
    storage.cloud.run("deploy")
    storage.says("HEALTH_OK")
    assert deciding(storage) == set(HOSTS)
    assert storage.read("words") == written


def test_when_all_hosts_have_lost_their_power_nothing_is_to_be_done(storage: Storage, written: str) -> None:
    for host in HOSTS:
        storage.rig.kill(host)
    for host in HOSTS:
        storage.rig.start(host)
    storage.says("HEALTH_OK", BOOT)
    assert {storage.read("words"), storage.read("meanwhile")} == {written}
    storage.cloud.run("deploy")
    assert storage.cloud.plan() == []
