"""Two cells: a server in each, a console of each, and what a cell has for itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from system.client import Login, OpenStack, console_handshake
from system.harness import Kolla
from system.multinode import cloud_with_servers
from system.pair import HOSTS, ids
from system.rig import Rig

pytestmark = pytest.mark.long

CELLS = [{"name": "cell2", "compute_group": "rack2", "novncproxy_port": 6091}]
GROUPS = """\
[rack2]
node2
"""
PORTS = {"node1": 6080, "node2": 6091}
"""Host -> the port that screens of its servers are reached on."""


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig.running("cells", HOSTS) as rig:
        yield rig


@pytest.fixture(scope="module")
def cloud(
    rig: Rig, machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kolla]:
    directory = tmp_path_factory.mktemp("cells")
    settings = {"tunnel_interface": "eth1", "nova_cells": CELLS}
    with cloud_with_servers(
        rig, directory, "cells", settings, machine_globals, compute=HOSTS, more_groups=GROUPS
    ) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def openstack(cloud: Kolla) -> OpenStack:
    return OpenStack.of(cloud.config_directory)


@pytest.fixture(scope="module")
def servers(openstack: OpenStack) -> Mapping[str, str]:
    return ids(openstack)


def instances(rig: Rig, cloud: Kolla, database: str) -> set[str]:
    """Ids of the servers that a cell's database has."""
    secrets = yaml.safe_load((cloud.config_directory / "passwords.yml").read_text())
    login = ["-uroot", f"-p{secrets['database_password']}", f"-h{rig.address('node1')}"]
    query = ["-BN", "-e", "SELECT uuid FROM instances WHERE deleted = 0", database]
    return set(rig.run("node1", ["docker", "exec", "mariadb", "mariadb", *login, *query]).split())


def test_each_compute_host_is_of_its_cell(rig: Rig, cloud: Kolla) -> None:
    listed = rig.run("node1", ["docker", "exec", "nova_conductor", "nova-manage", "cell_v2", "list_hosts"])
    lines = [line.strip("| ").split("|") for line in listed.splitlines() if "node" in line]
    assert {(cell.strip(), host.strip()) for cell, _, host in lines} == {
        ("cell1", "node1"),
        ("cell2", "node2"),
    }


def test_a_server_in_each_cell_is_listed_and_lives_in_its_database(
    rig: Rig, cloud: Kolla, openstack: OpenStack, servers: Mapping[str, str]
) -> None:
    listed = openstack.get("compute", "/servers/detail")["servers"]
    assert {each["OS-EXT-SRV-ATTR:host"]: (each["id"], each["status"]) for each in listed} == {
        host: (id, "ACTIVE") for host, id in servers.items()
    }
    assert instances(rig, cloud, "nova") == {servers["node1"]}
    assert instances(rig, cloud, "nova_cell2") == {servers["node2"]}


def test_servers_of_both_cells_are_logged_in_to(
    cloud: Kolla, openstack: OpenStack, servers: Mapping[str, str]
) -> None:
    network = openstack.one("network", "/v2.0/networks?router:external=true")["id"]
    for id in servers.values():
        (port,) = openstack.get("network", f"/v2.0/ports?device_id={id}")["ports"]
        given = openstack.get("network", f"/v2.0/floatingips?port_id={port['id']}")["floatingips"]
        if not given:
            wanted = {"floating_network_id": network, "port_id": port["id"]}
            given = [
                openstack.call("POST", "network", "/v2.0/floatingips", {"floatingip": wanted})["floatingip"]
            ]
        Login(given[0]["floating_ip_address"], cloud.config_directory / "demo_key").wait()


def test_each_cell_shows_the_screens_of_its_servers(openstack: OpenStack, servers: Mapping[str, str]) -> None:
    for host, id in servers.items():
        wanted = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
        made = openstack.call("POST", "compute", f"/servers/{id}/remote-consoles", wanted)["remote_console"]
        assert f":{PORTS[host]}/" in made["url"]
        assert console_handshake(made["url"])[0].startswith("RFB")


def test_all_is_well_and_nothing_is_left_to_do(rig: Rig, cloud: Kolla) -> None:
    assert all(finding["ok"] for finding in cloud.json("check"))
    assert "nova_cell_conductor_cell2" in cloud.run("status")
    running = set(rig.run("node1", ["docker", "ps", "--format", "{{.Names}}"]).split())
    assert {"nova_conductor", "nova_cell_conductor_cell2", "nova_cell_novncproxy_cell2"} <= running
    assert cloud.plan() == []
    assert "Nothing to do" in cloud.run("deploy")


def test_one_cell_does_without_the_conductor_of_the_other(
    rig: Rig, cloud: Kolla, openstack: OpenStack, servers: Mapping[str, str]
) -> None:
    cloud.run("stop", "nova-cell-conductor", "--yes-i-really-really-mean-it")
    made = openstack.create_server("meanwhile", openstack.server("demo1"), host="node1")
    openstack.wait_for_server(made)
    openstack.delete_server(made)
    cloud.run("start", "nova-cell-conductor")
    made = openstack.create_server("again", openstack.server("demo1"), host="node2")
    openstack.wait_for_server(made)
    openstack.delete_server(made)


def test_a_cell_with_servers_is_not_given_up(
    cloud: Kolla, openstack: OpenStack, servers: Mapping[str, str]
) -> None:
    cloud.set(nova_cells=[])
    assert "cell2 is no longer one of nova_cells" in cloud.run("deploy", expect=1)
    cloud.set(nova_cells=CELLS)
    cloud.run("deploy")
    assert cloud.plan() == []
    openstack.wait_for_server(servers["node2"])
    openstack.act(servers["node2"], "reboot", type="SOFT")
    openstack.wait_for_server(servers["node2"])
