"""An all-in-one cloud whose OpenStack is Debian's own (install type binary): a server is logged in to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from system.client import Demo
from system.multinode import OneHost, one_host

pytestmark = pytest.mark.long

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
SETTINGS = {"kolla_install_type": "binary", "openstack_release": RELEASE}


@pytest.fixture(scope="module")
def one(machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneHost]:
    directory = tmp_path_factory.mktemp("binary")
    with one_host("binary", directory, SETTINGS, machine_globals) as one:
        yield one


def test_software_is_from_the_distributions_packages(one: OneHost) -> None:
    for container, package in PACKAGES.items():
        found = one.run("docker", "exec", container, "dpkg-query", "--show", package)
        assert found.startswith(package)
        one.run("docker", "exec", container, "test", "!", "-e", "/var/lib/kolla/venv")


def test_processes_run_as_the_users_of_the_service(one: OneHost) -> None:
    for container, uid in {"keystone": 42425, "glance_api": 42415, "nova_conductor": 42436}.items():
        seen = one.run("docker", "top", container, "-eo", "pid,uid").split()
        assert str(uid) in seen, container


def test_every_check_passes_and_nothing_is_left_to_do(one: OneHost) -> None:
    findings = one.cloud.json("check")
    assert findings
    assert [f for f in findings if not f["ok"]] == []
    assert one.cloud.plan() == []


def test_a_server_is_logged_in_to(one: OneHost) -> None:
    demo = Demo.of(one.cloud.config_directory)
    demo.openstack.wait_for_server(demo.id)
    demo.login.wait()
    assert "demo1" in demo.login.run("hostname")
