"""Networks by neutron's own agents, on one emulated host: what a server has, and what it outlives."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from system.client import Demo, until
from system.harness import qemu_pid
from system.multinode import OneHost, one_host
from system.neutron import CLOSED, Neutron, knock, try_forwarded_port, try_limit_and_mark

from bench.pings import Pings

pytestmark = pytest.mark.long

SETTINGS = {"neutron_plugin_agent": "openvswitch", "enable_neutron_packet_logging": True}
AGENTS = ("neutron-openvswitch-agent", "neutron-dhcp-agent", "neutron-l3-agent", "neutron-metadata-agent")
VXLAN = 50
"""Bytes that a tunnel adds to a packet."""
SWITCH_GAP = 2.0
"""Seconds a server may be out of reach when its switch is restarted."""
AGENT_GAP = 0.5
"""The same when an agent is replaced: a ping that a busy machine answers late."""
FLOWS_GAP = 40.0
"""Seconds until a switch that was killed has its flows again: its agent looks every two seconds, and may wait
20 s for an answer to a question of before."""


@pytest.fixture(scope="module")
def one(machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneHost]:
    directory = tmp_path_factory.mktemp("agents")
    with one_host("agents", directory, SETTINGS, machine_globals) as one:
        yield one


@pytest.fixture(scope="module")
def demo(one: OneHost) -> Demo:
    """The server that init-runonce has made, and logged in to by its floating IP."""
    return Demo.of(one.cloud.config_directory)


def names(one: OneHost) -> set[str]:
    return set(one.run("docker", "ps", "--format", "{{.Names}}").split())


def namespaces(one: OneHost) -> set[str]:
    listed = one.run("ls", "/run/netns").split()
    return {name.partition("-")[0] for name in listed}


def test_agents_are_there_report_and_nothing_is_of_ovn(one: OneHost, demo: Demo) -> None:
    assert names(one) >= {name.replace("-", "_") for name in AGENTS}
    assert not any(name.startswith(("ovn_", "neutron_ovn_")) for name in names(one))
    agents = demo.openstack.get("network", "/v2.0/agents")["agents"]
    assert {agent["binary"] for agent in agents if agent["alive"]} == set(AGENTS)
    one.cloud.run("check", "neutron")
    assert one.cloud.plan() == []


def test_a_server_has_its_address_its_name_and_room_for_the_tunnel(demo: Demo) -> None:
    network = demo.openstack.one("network", "/v2.0/networks?router:external=false")
    assert network["provider:network_type"] == "vxlan"
    assert network["mtu"] == 1500 - VXLAN
    assert demo.login.run("cat /sys/class/net/eth0/mtu").strip() == str(network["mtu"])
    assert demo.login.run("hostname").strip() == demo.name  # as the metadata service says
    size = 300_000
    assert demo.login.run(f"head -c {size} /dev/zero | tr '\\0' x") == "x" * size


def test_a_port_is_forwarded_and_what_a_server_sends_is_limited_and_marked(demo: Demo) -> None:
    neutron = Neutron(demo.openstack)
    try_forwarded_port(neutron, demo)
    try_limit_and_mark(neutron, demo)


def test_packets_that_a_security_group_drops_are_in_a_file(one: OneHost, demo: Demo) -> None:
    file = "/var/log/kolla/neutron/packets.log"
    neutron = Neutron(demo.openstack)
    with neutron.made("log/logs", resource_type="security_group", event="DROP", enabled=True) as log:

        def logged() -> bool:
            knock(demo.login.address, CLOSED)
            lines = one.run("docker", "exec", "neutron_openvswitch_agent", "cat", file).splitlines()
            return any("action=DROP" in x and log["id"] in x and f"dst_port={CLOSED}" in x for x in lines)

        until(logged, 60, "it is in the log")


def test_a_switch_that_is_restarted_takes_no_router_along(one: OneHost, demo: Demo) -> None:
    pid, before = qemu_pid(demo.id), namespaces(one)
    with Pings(demo.login.address) as pings:
        one.cloud.run("restart", "openvswitch-vswitchd", "--yes-i-really-really-mean-it")
        demo.login.wait(30)
    print(f"openvswitch_vswitchd restarted: {pings}")
    assert pings.longest_gap <= SWITCH_GAP
    assert qemu_pid(demo.id) == pid
    assert namespaces(one) == before == {"qdhcp", "qrouter"}


def test_a_switch_that_is_killed_has_its_flows_again_by_itself(one: OneHost, demo: Demo) -> None:
    with Pings(demo.login.address) as pings:
        one.run("pkill", "-KILL", "-x", "ovs-vswitchd")
        time.sleep(1)
        demo.login.wait(60)
    print(f"ovs-vswitchd killed: {pings}")
    assert pings.longest_gap <= FLOWS_GAP


def test_agents_are_replaced_while_packets_flow(one: OneHost, demo: Demo) -> None:
    with Pings(demo.login.address) as pings:
        one.run("docker", "rm", "-f", *(name.replace("-", "_") for name in AGENTS))
        one.cloud.run("deploy")
    print(f"all agents removed and deployed: {pings}")
    assert pings.longest_gap <= AGENT_GAP
    assert demo.login.run("hostname").strip() == demo.name


def test_then_another_server_gets_its_address_and_its_name(demo: Demo) -> None:
    server = demo.openstack.create_server("afterwards", demo.server)
    demo.openstack.wait_for_server(server)
    until(lambda: "READY afterwards" in demo.openstack.console_log(server), 90, "its boot")
    demo.openstack.delete_server(server)


def test_the_cloud_keeps_its_agents(one: OneHost) -> None:
    one.cloud.set(neutron_plugin_agent="ovn")
    said = one.cloud.run("deploy", expect=3)
    assert "'ovn-controller' cannot go on with the work of 'neutron-openvswitch-agent'" in said
    one.cloud.set(neutron_plugin_agent="openvswitch")
    assert one.cloud.plan() == []


def test_nothing_of_the_agents_is_left_when_the_cloud_goes(one: OneHost) -> None:
    one.cloud.run("destroy", "--volumes", "--yes-i-really-really-mean-it")
    assert one.run("sh", "-c", "ls /run/netns 2>/dev/null || true").split() == []
    assert names(one) == set()
