"""Networks by neutron's own agents in place of OVN: what runs where, and that a cloud keeps its choice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_firewall import TwoNetworks, rules
from world import World

from kolla.errors import InputError
from kolla.state.plan import Plan
from kolla.state.reconcile import reconcile
from kolla.state.revision_diff import differences
from kolla.state.topology import engine_name

AGENTS = {"neutron-openvswitch-agent", "neutron-dhcp-agent", "neutron-l3-agent", "neutron-metadata-agent"}
OF_OVN = {
    *("neutron-ovn-maintenance-worker", "neutron-ovn-metadata-agent"),
    *("ovn-controller", "ovn-nb-db", "ovn-northd", "ovn-sb-db"),
}


def networks(world: World) -> World:
    """Which `enable_ovn` is not said by anybody of."""
    del world.globals["enable_ovn"]
    services = ("glance", "neutron", "nova", "openvswitch", "placement")
    world.globals |= {f"enable_{name}": True for name in services}
    return world


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A controller, a network host and a compute host."""
    world = networks(World(tmp_path, ("controller", "gateway", "computer")))
    world.groups = {"control": ["controller"], "network": ["gateway"], "compute": ["computer"]}
    return world


@pytest.fixture
def agents(world: World) -> World:
    world.globals["neutron_plugin_agent"] = "openvswitch"
    return world


def plan(world: World, **words: frozenset[str]) -> Plan:
    return reconcile(world.desired, world.states, **words)


def running(world: World, host: str) -> set[str]:
    return {container.name for container in world.desired.containers_on(host)}


def test_ovn_is_the_default_and_has_no_agents_beside_it(world: World) -> None:
    everywhere = {container.name for container in world.desired.containers}
    assert everywhere >= OF_OVN
    assert not everywhere & AGENTS


def test_agents_are_on_network_hosts_and_each_switch_has_one(agents: World) -> None:
    assert not {container.name for container in agents.desired.containers} & OF_OVN
    assert running(agents, "gateway") & AGENTS == AGENTS
    assert running(agents, "computer") & AGENTS == {"neutron-openvswitch-agent"}
    assert not running(agents, "controller") & AGENTS


def test_with_distributed_routing_compute_hosts_route_and_answer_for_metadata(agents: World) -> None:
    agents.globals["enable_neutron_dvr"] = True
    assert running(agents, "gateway") & AGENTS == AGENTS
    assert running(agents, "computer") & AGENTS == AGENTS - {"neutron-dhcp-agent"}


def test_every_agent_that_runs_is_waited_for_by_the_check(agents: World) -> None:
    for distributed in (False, True):
        agents.globals["enable_neutron_dvr"] = distributed
        (check,) = (job for job in agents.desired.checks if job.name == "neutron/check-agents")
        (text,) = (file.content for name, file in check.config.files.items() if name.endswith("agents.json"))
        expected = json.loads(text)["agents"]
        assert {(name, host) for name, hosts in expected.items() for host in hosts} == {
            (container.name, f"{container.host}.example")
            for container in agents.desired.containers
            if container.name in AGENTS
        }


def test_namespaces_are_shared_where_agents_make_them_and_end_with_the_cloud(agents: World) -> None:
    needs = agents.desired.needs_of
    assert needs["gateway"]["neutron"].shared_mounts == ("/run/netns",)
    assert needs["gateway"]["neutron"].at_destroy == {
        "neutron_l3_agent": ("kolla_remove_namespaces", "qrouter-", "snat-", "fip-"),
        "neutron_dhcp_agent": ("kolla_remove_namespaces", "qdhcp-"),
    }
    assert not needs["computer"]["neutron"].at_destroy
    assert "neutron" not in needs.get("controller", {})


def test_the_firewall_lets_the_tunnels_in_that_there_are(tmp_path: Path) -> None:
    world = networks(TwoNetworks(tmp_path, hosts=("one", "two")))
    world.globals |= {
        "host_firewall": True,
        "tunnel_interface": "eth1",
        "neutron_plugin_agent": "openvswitch",
    }
    world.groups |= {group: world.hosts for group in ("network", "compute")}
    there = "ip saddr != { 10.1.0.0/24 } drop"
    assert rules(world, "openvswitch") == (f"ip daddr 10.1.0.1 udp dport {{ 4789 }} {there}",)
    world.globals["neutron_tenant_network_types"] = "geneve,vxlan"
    assert len(rules(world, "openvswitch")) == 2
    world.globals["neutron_tenant_network_types"] = "vlan"
    assert rules(world, "openvswitch") == ()


@pytest.mark.parametrize(("before", "after"), [("ovn", "openvswitch"), ("openvswitch", "ovn")])
def test_a_running_cloud_keeps_to_its_choice(world: World, before: str, after: str) -> None:
    world.globals["neutron_plugin_agent"] = before
    old = world.desired
    world.carry_out(plan(world))
    world.globals["neutron_plugin_agent"] = after
    with pytest.raises(InputError) as refused:
        plan(world)
    said = str(refused.value)
    name, other = ("ovn-controller", "neutron-openvswitch-agent")[:: 1 if after == "ovn" else -1]
    assert f"'{name}' cannot go on with the work of '{other}', which 2 hosts have" in said
    assert "kolla destroy" in said
    assert not plan(world, services=frozenset({"memcached"})).operations
    # What is only compared is not refused.
    assert any(each.subject == f"container {engine_name(name)}" for each in differences(old, world.desired))


def test_a_host_that_has_none_yet_is_not_in_the_way(agents: World) -> None:
    agents.carry_out(plan(agents))
    assert not plan(agents).operations
    agents.hosts += ("another",)
    agents.groups["compute"] = ["computer", "another"]
    agents.states |= World.states_of(["another"])
    assert "container:neutron-openvswitch-agent@another" in {o.id for o in plan(agents).operations}
