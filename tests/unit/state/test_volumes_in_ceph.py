"""Volumes in shared storage: who makes and who opens them mean the same user, key and name of the key."""

from __future__ import annotations

import configparser
import re

import pytest
from world import World


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
