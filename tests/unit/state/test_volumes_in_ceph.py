"""Volumes and disks in shared storage: who makes and who opens them mean the same user, key, and name."""

from __future__ import annotations

import configparser
import json
import re
from typing import Any

import pytest
from world import World

from kolla.errors import InputError, InputErrors
from kolla.state.desired import DesiredJob


@pytest.fixture
def cloud(world: World) -> World:
    world.globals = {
        "network_interface": "eth0",
        "kolla_internal_vip_address": "10.0.0.250",
        "enable_ceph": True,
        "enable_cinder": True,
        "enable_notes": False,
    }
    world.groups |= {group: world.hosts for group in ("compute", "deployment", "network")}
    return world


def files(cloud: World, container: str) -> dict[str, str]:
    """File -> its text, of a container."""
    (node,) = (node for node in cloud.desired.nodes if node.name == container)
    return {name: file.merged.text for name, file in node.config.files.items()}


def ini(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return parser


def test_the_hypervisor_has_the_key_by_the_name_that_cinder_says(cloud: World) -> None:
    volume, hypervisor = files(cloud, "cinder-volume"), files(cloud, "nova-libvirt")
    named = ini(volume["cinder.conf"])["rbd-1"]["rbd_secret_uuid"]
    assert re.findall("<uuid>(.*)</uuid>", hypervisor["ceph.xml"]) == [named]
    key = ini(volume["ceph.client.cinder.keyring"])["client.cinder"]["key"]
    assert hypervisor["ceph.base64"].strip() == key


def test_who_backs_up_reads_volumes_and_writes_elsewhere(cloud: World) -> None:
    backup = files(cloud, "cinder-backup")
    names = {name for name in backup if name.endswith(".keyring")}
    assert names == {"ceph.client.cinder.keyring", "ceph.client.cinder-backup.keyring"}
    assert len({ini(backup[name]).get(name[5:-8], "key") for name in names}) == 2
    assert not any("keyring" in name for name in files(cloud, "cinder-api"))


def test_without_ceph_nobody_has_a_key_of_it(cloud: World) -> None:
    cloud.globals |= {
        "enable_ceph": False,
        "cinder_backend_ceph": False,
        "cinder_more_backends": ["array-1"],
    }
    for container in ("cinder-volume", "cinder-backup", "nova-libvirt"):
        assert [name for name in files(cloud, container) if "ceph" in name] == []
    assert ini(files(cloud, "cinder-volume")["cinder.conf"])["DEFAULT"]["enabled_backends"] == "array-1"


def test_without_cinder_the_hypervisor_has_none_either(cloud: World) -> None:
    cloud.globals |= {"enable_cinder": False}
    assert [name for name in files(cloud, "nova-libvirt") if "ceph" in name] == []


NOTHING_OF_CEPH = {"enable_ceph": False, "enable_cinder": False, "glance_backend_ceph": False}

# --- disks ------------------------------------------------------------------------------------------


@pytest.fixture
def disks(cloud: World) -> World:
    cloud.globals |= {"nova_backend_ceph": True, "glance_backend_ceph": True}
    return cloud


def pools_of(cloud: World, service: str) -> tuple[DesiredJob, dict[str, Any]]:
    """The job that makes what a service wants of the storage, and what it makes."""
    (job,) = (job for job in cloud.desired.jobs if job.name == f"ceph/storage-{service}")
    return job, json.loads(job.config.files["pools.json"].merged.text)


def test_disks_are_opened_with_the_one_key_of_volumes(disks: World) -> None:
    compute, hypervisor = files(disks, "nova-compute"), files(disks, "nova-libvirt")
    libvirt = ini(compute["nova.conf"])["libvirt"]
    assert re.findall("<uuid>(.*)</uuid>", hypervisor["ceph.xml"]) == [libvirt["rbd_secret_uuid"]]
    keyring = ini(compute["ceph.client.cinder.keyring"])
    assert keyring[f"client.{libvirt['rbd_user']}"]["key"] == hypervisor["ceph.base64"].strip()
    assert "mon_host = [v2:" in compute["ceph.conf"]
    of_cinder = files(disks, "cinder-volume")
    assert of_cinder["ceph.client.cinder.keyring"] == compute["ceph.client.cinder.keyring"]


def test_their_user_may_write_disks_and_volumes_and_read_images(disks: World) -> None:
    (nova, made), (_, of_cinder) = pools_of(disks, "nova"), pools_of(disks, "cinder")
    assert made["pools"] == ["vms"]
    (user,) = made["users"]
    assert (user["name"], set(user["pools"]), user["reads"]) == ("cinder", {"volumes", "vms"}, ["images"])
    assert user in of_cinder["users"]
    (compute,) = (c for c in disks.desired.containers if c.name == "nova-compute" and c.host == nova.host)
    assert nova.id in compute.after


def test_disks_are_there_without_cinder_as_well(disks: World) -> None:
    disks.globals |= {"enable_cinder": False}
    assert pools_of(disks, "nova")[1]["users"][0]["pools"] == ["vms"]
    assert "ceph.base64" in files(disks, "nova-libvirt")


def test_disks_are_in_somebody_elses_cluster(disks: World) -> None:
    disks.globals |= {"ceph_external": True, "ceph_external_monitors": ["192.0.2.1"]}
    compute = files(disks, "nova-compute")
    assert "mon_host = 192.0.2.1" in compute["ceph.conf"]
    assert "ceph.client.cinder.keyring" in compute
    assert not [job for job in disks.desired.jobs if job.service == "ceph"]


def test_only_who_makes_disks_has_the_way_to_them(disks: World) -> None:
    for container in ("nova-api", "nova-conductor", "nova-scheduler"):
        assert [name for name in files(disks, container) if "ceph" in name] == []
    disks.globals |= {"nova_backend_ceph": False}
    assert [name for name in files(disks, "nova-compute") if "ceph" in name] == []


@pytest.mark.parametrize(
    "settings, said",
    [
        ({"kolla_base_distro": "rocky"}, "no client of Ceph on rocky"),
        (NOTHING_OF_CEPH, "'nova' needs 'storage'"),
    ],
)
def test_disks_that_cannot_be(disks: World, settings: dict[str, Any], said: str) -> None:
    disks.globals |= settings
    with pytest.raises((InputError, InputErrors), match=said):
        _ = disks.desired
