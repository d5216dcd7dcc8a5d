"""Shared storage on one host: read while a disk is lost, added, removed, and when all is made anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from system.multinode import HOST
from system.storage import Storage, disks, storage_on

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def storage(machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """A cluster of three disks, deployed."""
    directory = tmp_path_factory.mktemp("ceph")
    with storage_on("ceph", [HOST], directory, machine_globals, ceph_osds=disks("abc")) as storage:
        yield storage


@pytest.fixture(scope="module")
def written(storage: Storage) -> str:
    """Digest of what is in the image `words`."""
    return storage.write("words")


def test_what_is_written_is_read_and_all_is_well(storage: Storage, written: str) -> None:
    assert storage.read("words") == written
    storage.says("HEALTH_OK")
    found = {finding["subject"]: finding for finding in storage.cloud.json("check")}
    assert "3 of 3 disks serve" in found["ceph/check-health"]["message"]


def test_without_one_disk_it_is_read_and_the_cluster_says_what_is_missing(
    storage: Storage, written: str
) -> None:
    storage.run("docker", "stop", "ceph_osd_b")
    storage.says("OSD_DOWN")
    storage.says("PG_DEGRADED")
    assert storage.read("words") == written
    storage.run("docker", "start", "ceph_osd_b")
    storage.says("HEALTH_OK")


def test_a_disk_that_the_copies_need_is_not_removed(storage: Storage, written: str) -> None:
    said = storage.cloud.run("ceph-osd-remove", "node1/a", expect=1)
    assert "keeps 3 copies, and 2 disks would be left" in said
    assert storage.read("words") == written


def test_a_disk_is_added_and_another_removed_and_nothing_is_lost(storage: Storage, written: str) -> None:
    storage.cloud.set(ceph_osds=disks("abcd"))
    storage.cloud.run("deploy")
    storage.cloud.run("ceph-osd-remove", "node1/a")
    storage.cloud.set(ceph_osds=disks("bcd"))
    storage.cloud.run("deploy")
    assert "ceph_osd_a" not in storage.run("docker", "ps", "-a", "--format", "{{.Names}}")
    assert "ceph_osd_a" in storage.run("docker", "volume", "ls", "-q")
    assert storage.read("words") == written
    storage.says("HEALTH_OK")
    assert "Nothing to do" in storage.cloud.run("deploy")


def test_when_every_container_was_removed_a_deploy_finds_the_data(storage: Storage, written: str) -> None:
    storage.run("sh", "-c", "docker rm --force $(docker ps --all --quiet)")
    storage.cloud.run("deploy")
    assert storage.read("words") == written
    storage.says("HEALTH_OK")
