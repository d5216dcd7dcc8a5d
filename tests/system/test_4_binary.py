"""An all-in-one cloud whose OpenStack is Debian's own (install type binary): a server is logged in to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from system.client import Demo
from system.harness import Kolla
from system.multinode import cloud_with_servers
from system.rig import Rig

pytestmark = pytest.mark.long

GROUPS = """\
[control]
node1 neutron_external_interface=eth2 neutron_bridge_address={bridge}

[network]
node1

[compute]
node1
"""
RELEASE = "2025.1"
"""What Debian 13 carries."""
PACKAGES = {
    "glance_api": "python3-glance",
    "keystone": "python3-keystone",
    "kolla_toolbox": "python3-openstackclient",
    "neutron_server": "python3-neutron",
    "neutron_ovn_metadata_agent": "python3-neutron",
    "nova_compute": "python3-nova",
    "nova_conductor": "python3-nova",
    "placement_api": "python3-placement",
}
"""Container -> the Debian package its software is from."""


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig.running("binary", ["node1"]) as rig:
        yield rig


@pytest.fixture(scope="module")
def cloud(
    rig: Rig, machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kolla]:
    directory = tmp_path_factory.mktemp("binary")
    settings = {"kolla_install_type": "binary", "openstack_release": RELEASE}
    with cloud_with_servers(rig, directory, "binary", GROUPS, settings, machine_globals) as cloud:
        yield cloud


def test_software_is_from_the_distributions_packages(rig: Rig, cloud: Kolla) -> None:
    for container, package in PACKAGES.items():
        found = rig.run("node1", ["docker", "exec", container, "dpkg-query", "--show", package])
        assert found.startswith(package)
        rig.run("node1", ["docker", "exec", container, "test", "!", "-e", "/var/lib/kolla/venv"])


def test_processes_run_as_the_users_of_the_service(rig: Rig, cloud: Kolla) -> None:
    for container, uid in {"keystone": 42425, "glance_api": 42415, "nova_conductor": 42436}.items():
        seen = rig.run("node1", ["docker", "top", container, "-eo", "pid,uid"]).split()
        assert str(uid) in seen, container


def test_every_check_passes_and_nothing_is_left_to_do(cloud: Kolla) -> None:
    findings = cloud.json("check")
    assert findings
    assert [f for f in findings if not f["ok"]] == []
    assert cloud.plan() == []


def test_a_server_is_logged_in_to(cloud: Kolla) -> None:
    demo = Demo.of(cloud.config_directory)
    demo.openstack.wait_for_server(demo.id)
    demo.login.wait()
    assert "demo1" in demo.login.run("hostname")
