"""Volumes and disks on Ceph, on one emulated host: all that is done with them, no byte lost."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from system.client import Demo, Login, OpenStack, until
from system.multinode import OneHost, one_host

pytestmark = pytest.mark.long

STORAGE = "[storage]\nnode1\n"
GIB = 2**30
SETTINGS = {
    "enable_ceph": True,
    "ceph_osds": [{"name": "a", "file": "8G"}],
    "enable_cinder": True,
    "enable_heat": True,
    "glance_backend_ceph": True,
    "nova_backend_ceph": True,
}
MIB = 2**20
WRITTEN = "dd if=/dev/urandom of=/dev/{0} bs=1M count=32 2>/dev/null && sync && " + (
    "dd if=/dev/{0} bs=1M count=32 2>/dev/null | md5sum"
)
READ = "dd if=/dev/{0} bs=1M count=32 2>/dev/null | md5sum"


@dataclass(frozen=True)
class Volumes:
    """Volumes of a project, and the server that they are plugged into."""

    openstack: OpenStack
    server: str
    login: Login

    def make(self, what: str = "volumes", **wanted: Any) -> str:
        """A volume (or a snapshot, a backup), once it is there: its id."""
        kind = what.removesuffix("s")
        made = self.openstack.call("POST", "block-storage", f"/{what}", {kind: wanted})[kind]["id"]
        self.settled(made, "available", what)
        return str(made)

    def of(self, volume: str, what: str = "volumes") -> dict[str, Any]:
        found: dict[str, Any] = self.openstack.get("block-storage", f"/{what}/{volume}")[
            what.removesuffix("s")
        ]
        return found

    def settled(self, volume: str, status: str, what: str = "volumes") -> None:
        def seen() -> bool:
            found = self.of(volume, what)
            assert "error" not in found["status"], found
            return bool(found["status"] == status)

        until(seen, 240, f"{what} {volume} is {status}")

    def act(self, volume: str, action: str, **arguments: Any) -> None:
        self.openstack.call("POST", "block-storage", f"/volumes/{volume}/action", {action: arguments})

    def disks(self) -> set[str]:
        return set(self.login.run("ls /sys/block").split())

    def plug(self, volume: str) -> str:
        """Plug it into the server that runs; the name of the disk in there."""
        before = self.disks()
        plugged = {"volumeAttachment": {"volumeId": volume}}
        self.openstack.call("POST", "compute", f"/servers/{self.server}/os-volume_attachments", plugged)
        self.settled(volume, "in-use")
        (disk,) = until(lambda: self.disks() - before, 90, "the server sees the disk")
        return disk

    def unplug(self, volume: str) -> None:
        path = f"/servers/{self.server}/os-volume_attachments/{volume}"
        self.openstack.call("DELETE", "compute", path)
        self.settled(volume, "available")

    def content(self, volume: str) -> str:
        """What a digest says of the first bytes of a volume, read in the server."""
        disk = self.plug(volume)
        digest = self.login.run(READ.format(disk))
        self.unplug(volume)
        return digest


@pytest.fixture(scope="module")
def one(machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneHost]:
    directory = tmp_path_factory.mktemp("volumes")
    with one_host("volumes", directory, SETTINGS, machine_globals, more_groups=STORAGE) as one:
        yield one


@pytest.fixture(scope="module")
def volumes(one: OneHost) -> Volumes:
    demo = Demo.of(one.cloud.config_directory)
    demo.login.wait(120)
    return Volumes(demo.openstack, demo.id, demo.login)


@pytest.fixture(scope="module")
def written(volumes: Volumes) -> tuple[str, str]:
    """A volume that the server has written to, and the digest of it."""
    volume = volumes.make(size=1, name="written")
    disk = volumes.plug(volume)
    assert int(volumes.login.run(f"cat /sys/block/{disk}/size")) * 512 == GIB
    digest = volumes.login.run(WRITTEN.format(disk))
    volumes.unplug(volume)
    assert disk not in volumes.disks()
    return volume, digest


def test_what_a_server_wrote_is_there_when_the_volume_is_plugged_in_again(
    volumes: Volumes, written: tuple[str, str]
) -> None:
    volume, digest = written
    assert volumes.content(volume) == digest


def test_a_copy_of_a_snapshot_is_written_to_and_the_volume_stays(
    volumes: Volumes, written: tuple[str, str]
) -> None:
    volume, digest = written
    snapshot = volumes.make("snapshots", volume_id=volume)
    copy = volumes.make(size=1, snapshot_id=snapshot)
    disk = volumes.plug(copy)
    assert volumes.login.run(READ.format(disk)) == digest
    assert volumes.login.run(WRITTEN.format(disk)) != digest
    volumes.unplug(copy)
    assert volumes.content(volume) == digest


def test_a_volume_grows_while_a_server_has_it(volumes: Volumes, written: tuple[str, str]) -> None:
    volume, digest = written
    disk = volumes.plug(volume)
    volumes.act(volume, "os-extend", new_size=2)
    size = f"cat /sys/block/{disk}/size"
    until(lambda: int(volumes.login.run(size)) * 512 == 2 * GIB, 60, "the server sees a larger disk")
    assert volumes.login.run(READ.format(disk)) == digest
    volumes.unplug(volume)


def test_a_backup_is_restored_to_a_volume_of_its_own(volumes: Volumes, written: tuple[str, str]) -> None:
    volume, digest = written
    backup = volumes.make("backups", volume_id=volume)
    restored = volumes.openstack.call(
        "POST", "block-storage", f"/backups/{backup}/restore", {"restore": {"name": "restored"}}
    )["restore"]["volume_id"]
    volumes.settled(restored, "available")
    assert restored != volume
    assert volumes.content(restored) == digest


def test_a_volume_gets_another_type(volumes: Volumes, written: tuple[str, str]) -> None:
    volume, digest = written
    for name in ("plain", "fine"):
        wanted = {"name": name, "extra_specs": {"volume_backend_name": "rbd-1"}}
        volumes.openstack.call("POST", "block-storage", "/types", {"volume_type": wanted})
    for name in ("plain", "fine"):
        volumes.act(volume, "os-retype", new_type=name, migration_policy="never")
        until(lambda name=name: volumes.of(volume)["volume_type"] == name, 60, f"it is of type {name}")
        volumes.settled(volume, "available")
    assert volumes.content(volume) == digest


def test_a_volume_of_an_image_is_a_clone_of_it(one: OneHost, volumes: Volumes) -> None:
    data = os.urandom(MIB) * 32
    openstack = volumes.openstack
    wanted = {"name": "raw", "disk_format": "raw", "container_format": "bare"}
    image = openstack.call("POST", "image", "/v2/images", wanted)["id"]
    openstack.call("PUT", "image", f"/v2/images/{image}/file", data)
    begun = time.monotonic()
    volume = volumes.make(size=1, imageRef=image)
    print(f"a volume of an image in {time.monotonic() - begun:.1f} s")
    listed = one.run("docker", "exec", "ceph_mon", "rbd", "info", f"volumes/volume-{volume}")
    assert f"parent: images/{image}@" in listed
    assert volumes.content(volume).split()[0] == hashlib.md5(data).hexdigest()


def test_a_server_boots_from_a_volume_of_an_image(
    one: OneHost, volumes: Volumes, written: tuple[str, str]
) -> None:
    openstack = volumes.openstack
    first = openstack.server("demo1")
    disk = {
        "boot_index": 0,
        "uuid": first["image"]["id"],
        "source_type": "image",
        "destination_type": "volume",
        "volume_size": 1,
        "delete_on_termination": True,
    }
    begun = time.monotonic()
    server = openstack.create_server("booted", first, imageRef="", block_device_mapping_v2=[disk])
    found = openstack.wait_for_server(server)
    print(f"booted from a volume in {time.monotonic() - begun:.1f} s")
    (root,) = found["os-extended-volumes:volumes_attached"]
    assert volumes.of(root["id"])["bootable"] == "true"
    until(lambda: "READY booted" in openstack.console_log(server), 120, "it has booted")
    openstack.delete_server(server)
    until(lambda: not openstack.exists("block-storage", f"/volumes/{root['id']}"), 60, "its volume is gone")


def rbd(one: OneHost, *words: str) -> str:
    return one.run("docker", "exec", "ceph_mon", "rbd", *words)


@pytest.fixture(scope="module")
def twin(one: OneHost, volumes: Volumes) -> Iterator[str]:
    """A server of a snapshot of another one: of a raw image."""
    openstack = volumes.openstack
    first = openstack.server("demo1")
    openstack.act(first["id"], "createImage", name="snapshot")

    def image() -> dict[str, Any] | None:
        found = openstack.get("image", "/v2/images?name=snapshot")["images"]
        return found[0] if found and found[0]["status"] == "active" else None

    snapshot = until(image, 240, "the snapshot is an image")
    assert snapshot["disk_format"] == "raw"
    begun = time.monotonic()
    server = openstack.create_server("twin", first, imageRef=snapshot["id"])
    openstack.wait_for_server(server)
    print(f"a server of a raw image in {time.monotonic() - begun:.1f} s")
    assert f"vms/{server}_disk" in rbd(one, "children", f"images/{snapshot['id']}@snap")
    yield server
    openstack.delete_server(server)
    assert f"{server}_disk" not in rbd(one, "ls", "vms")


def test_a_server_has_a_clone_of_its_image_and_starts_from_it_again(volumes: Volumes, twin: str) -> None:
    openstack = volumes.openstack
    until(lambda: "READY twin" in openstack.console_log(twin), 180, "it has booted")
    openstack.act(twin, "reboot", type="HARD")
    openstack.wait_for_server(twin)
    until(lambda: "READY twin" in openstack.console_log(twin), 180, "it has booted again")


def test_servers_go_on_with_their_disks_while_who_made_them_is_replaced(
    one: OneHost, volumes: Volumes, twin: str
) -> None:
    start = "cat /proc/sys/kernel/random/boot_id"
    before = volumes.login.run(f"echo kept > /root/kept && sync && {start}")
    one.run("docker", "rm", "--force", "nova_compute", "nova_libvirt")
    one.cloud.run("deploy")
    assert volumes.login.run(f"cat /root/kept && {start}") == f"kept\n{before}"
    first = volumes.openstack.server("demo1")
    volumes.openstack.act(first["id"], "reboot", type="HARD")
    volumes.openstack.wait_for_server(first["id"])
    volumes.login.wait(180)
    assert volumes.login.run("cat /root/kept") == "kept"


def test_a_stack_has_a_volume_and_plugs_it_in(volumes: Volumes) -> None:
    openstack, before = volumes.openstack, volumes.disks()
    plugged = {"instance_uuid": volumes.server, "volume_id": {"get_resource": "volume"}}
    template = {
        "heat_template_version": "2018-08-31",
        "resources": {
            "volume": {"type": "OS::Cinder::Volume", "properties": {"size": 1}},
            "plugged": {"type": "OS::Cinder::VolumeAttachment", "properties": plugged},
        },
    }
    asked = {"stack_name": "tower", "template": template, "timeout_mins": 10}
    stack = openstack.call("POST", "orchestration", "/stacks", asked)["stack"]["id"]

    def made() -> bool:
        found = openstack.get("orchestration", f"/stacks/tower/{stack}")["stack"]
        assert "FAILED" not in found["stack_status"], found["stack_status_reason"]
        return bool(found["stack_status"] == "CREATE_COMPLETE")

    until(made, 240, "the stack is made")
    assert len(volumes.disks() - before) == 1
    openstack.call("DELETE", "orchestration", f"/stacks/tower/{stack}")
    until(lambda: not openstack.get("orchestration", "/stacks")["stacks"], 120, "the stack is removed")
    until(lambda: volumes.disks() == before, 60, "its disk is gone")


def test_it_is_healthy_and_nothing_is_left_to_do(one: OneHost, volumes: Volumes) -> None:
    assert [finding for finding in one.cloud.json("check") if not finding["ok"]] == []
    assert one.cloud.plan() == []
