"""Neutron's own agents on two hosts, routers distributed and redundant: who needs which host."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from system.client import OpenStack, until
from system.harness import Kolla
from system.multinode import cloud_with_servers
from system.pair import HOSTS, Server, log_in_through, pair, try_largest_packet, try_tunnel, wait_through
from system.rig import Rig

from bench.pings import Pings

pytestmark = pytest.mark.long

SETTINGS = {
    "neutron_plugin_agent": "openvswitch",
    "enable_neutron_dvr": True,
    "enable_neutron_agent_ha": True,
    "tunnel_interface": "eth1",
    "neutron_external_interface": "eth2",
}
NETWORK_TOO = "[network:children]\ncompute\n"
"""Both hosts route, and have agents for addresses."""
AGENTS = ("neutron-openvswitch-agent", "neutron-dhcp-agent", "neutron-l3-agent", "neutron-metadata-agent")
FROZEN = 10
"""Seconds that a host is out of the world."""
TAKEOVER = 60
"""Seconds until another host translates for servers without an address of the outside."""


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig.running("distributed", HOSTS) as rig:
        yield rig


@pytest.fixture(scope="module")
def cloud(
    rig: Rig, machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kolla]:
    directory = tmp_path_factory.mktemp("distributed")
    with cloud_with_servers(
        rig, directory, "distributed", SETTINGS, machine_globals, compute=HOSTS, more_groups=NETWORK_TOO
    ) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def openstack(cloud: Kolla) -> OpenStack:
    return OpenStack.of(cloud.config_directory)


@pytest.fixture(scope="module")
def servers(cloud: Kolla, openstack: OpenStack) -> Mapping[str, Server]:
    return pair(cloud, openstack)


@pytest.fixture(scope="module")
def lonely(openstack: OpenStack, servers: Mapping[str, Server]) -> str:
    """Address of a server on the second host that has none of the outside."""
    made = openstack.create_server("lonely", openstack.server("demo1"), host=HOSTS[1])
    openstack.wait_for_server(made)
    (port,) = openstack.get("network", f"/v2.0/ports?device_id={made}")["ports"]
    fixed = str(port["fixed_ips"][0]["ip_address"])
    wait_through(servers[HOSTS[1]], fixed)
    return fixed


def active(openstack: OpenStack) -> set[str]:
    """Hosts that translate addresses, as the network API says."""
    router = openstack.one("network", "/v2.0/routers")
    agents = openstack.get("network", f"/v2.0/routers/{router['id']}/l3-agents")["agents"]
    return {agent["host"] for agent in agents if agent["ha_state"] == "active"}


def namespaces(rig: Rig, host: str) -> set[str]:
    return {name.partition("-")[0] for name in rig.run(host, ["ls", "/run/netns"]).split()}


def test_routers_are_on_both_hosts_and_all_agents_report(
    rig: Rig, cloud: Kolla, openstack: OpenStack
) -> None:
    router = openstack.one("network", "/v2.0/routers")
    assert (router["distributed"], router["ha"]) == (True, True)
    agents = openstack.get("network", "/v2.0/agents")["agents"]
    assert {(agent["binary"], agent["host"]) for agent in agents if agent["alive"]} == {
        (binary, host) for binary in AGENTS for host in HOSTS
    }
    for host in HOSTS:
        assert namespaces(rig, host) >= {"qrouter", "snat", "qdhcp"}
    cloud.run("check", "neutron")
    assert cloud.plan() == []


def test_servers_reach_each_other_by_a_tunnel_and_the_largest_packet_fits(
    rig: Rig, openstack: OpenStack, servers: Mapping[str, Server]
) -> None:
    network = openstack.one("network", "/v2.0/networks?name=demo-net")
    assert network["provider:network_type"] == "vxlan"
    try_tunnel(rig, servers)
    try_largest_packet(openstack, servers)


def test_a_floating_ip_needs_no_other_host_than_the_servers_own(
    rig: Rig, servers: Mapping[str, Server]
) -> None:
    first, second = HOSTS
    for host in HOSTS:
        assert "fip" in namespaces(rig, host)
    with Pings(servers[second].login.address) as pings:
        rig.freeze(first)
        try:
            time.sleep(FROZEN)
        finally:
            rig.thaw(first)
    print(f"{first} frozen for {FROZEN} s, floating IP of a server on {second}: {pings}")
    assert pings.lost == 0


def test_who_has_no_address_of_the_outside_gets_out_by_another_host_when_its_own_way_is_lost(
    rig: Rig, cloud: Kolla, openstack: OpenStack, servers: Mapping[str, Server], lonely: str
) -> None:
    ping = f"ping -c 1 -W 2 {rig.subnet('external')[1]} >/dev/null"
    loop = f"n=0; until {ping}; do n=$((n+1)); [ $n -lt {TAKEOVER // 2} ] || exit 1; done; echo $n"
    until(lambda: len(active(openstack)) == 1, 60, "one host translates")
    assert log_in_through(servers[HOSTS[1]], lonely, loop).strip()
    (before,) = active(openstack)
    rig.run(before, ["docker", "stop", "neutron_l3_agent"])
    failed = log_in_through(servers[HOSTS[1]], lonely, loop).strip()
    print(f"the agent on {before} stopped: {failed} pings of 2 s were not answered")
    cloud.run("deploy")
    until(lambda: len(active(openstack)) == 1, 60, "one host translates again")
    assert log_in_through(servers[HOSTS[1]], lonely, loop).strip()


def test_it_is_healthy_and_nothing_is_left_to_do(cloud: Kolla) -> None:
    cloud.run("check")
    assert cloud.plan() == []
