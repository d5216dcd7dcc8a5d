"""Who reaches the ports of services: the rules of hosts' packet filters, as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from world import World

from kolla.errors import InputError
from kolla.state.facts import HostFacts, Interface
from kolla.state.reconcile import reconcile

FRIENDS = "ip saddr != { 10.0.0.0/24 } drop"


@pytest.fixture
def guarded(several: World) -> World:
    """Three hosts that are to have a firewall."""
    several.globals["host_firewall"] = True
    return several


@pytest.fixture
def several(tmp_path_factory: Any) -> World:
    return World(tmp_path_factory.mktemp("cloud"), hosts=("one", "two", "three"))


def rules(world: World, service: str, host: str = "one") -> tuple[str, ...]:
    needs = world.desired.host_needs.get((host, service))
    return needs.firewall if needs is not None else ()


def test_nothing_is_done_unless_asked_for(several: World) -> None:
    assert not any(needs.firewall for needs in several.desired.host_needs.values())


def test_members_of_clusters_and_the_proxy_reach_what_others_do_not(guarded: World) -> None:
    assert rules(guarded, "mariadb", "two") == (
        f"ip daddr 10.0.0.2 tcp dport {{ 3306, 4444, 4567, 4568 }} {FRIENDS}",
    )
    assert rules(guarded, "rabbitmq") == (f"ip daddr 10.0.0.1 tcp dport {{ 4369, 5672, 25672 }} {FRIENDS}",)


def test_public_endpoints_are_for_everybody_on_the_vip_and_nowhere_else(guarded: World) -> None:
    guarded.globals["kolla_external_vip_address"] = "203.0.113.5"
    assert rules(guarded, "keystone") == (f"ip daddr 10.0.0.1 tcp dport {{ 5000 }} {FRIENDS}",)
    proxy = rules(guarded, "haproxy")
    assert "ip daddr 203.0.113.5 tcp dport { 5000, 9191 } accept" in proxy
    assert f"ip daddr 10.0.0.250 tcp dport {{ 3306, 5000, 9191 }} {FRIENDS}" in proxy
    assert f"ip daddr 10.0.0.1 meta l4proto 112 {FRIENDS}" in proxy
    del guarded.globals["kolla_external_vip_address"]
    assert "ip daddr 10.0.0.250 tcp dport { 5000, 9191 } accept" in rules(guarded, "haproxy")
    assert f"ip daddr 10.0.0.250 tcp dport {{ 3306 }} {FRIENDS}" in rules(guarded, "haproxy")


def test_without_a_load_balancer_a_public_endpoint_is_for_everybody_where_it_is(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.globals |= {
        "host_firewall": True,
        "enable_haproxy": False,
        "kolla_internal_vip_address": "10.0.0.1",
    }
    assert rules(world, "keystone") == ("ip daddr 10.0.0.1 tcp dport { 5000 } accept",)
    assert rules(world, "memcached") == (f"ip daddr 10.0.0.1 tcp dport {{ 11211 }} {FRIENDS}",)


TRAFFIC = """\
    traffic:
      - {protocol: udp, ports: "6081", address: "192.0.2.{{ groups.control.index(inventory_hostname) + 1 }}"}
      - {ports: "{{ notes_port + 1 }}-{{ notes_port + 9 }}"}
      - {ports: "{{ '' if notes_port == 9191 else '80' }}"}
    volumes: {notes: /var/lib/notes}
"""


def test_what_comes_besides_is_for_the_networks_it_comes_from(guarded: World) -> None:
    guarded.edit("notes/service.yml", "    volumes: {notes: /var/lib/notes}\n", TRAFFIC)
    others = "192.0.2.1/32, 192.0.2.2/31"
    assert rules(guarded, "notes", "two") == (
        f"ip daddr 10.0.0.2 tcp dport {{ 9191 }} {FRIENDS}",
        f"ip daddr 10.0.0.2 tcp dport {{ 9192-9200 }} {FRIENDS}",
        f"ip daddr 192.0.2.2 udp dport {{ 6081 }} ip saddr != {{ {others} }} drop",
    )


def test_what_are_no_ports_is_refused(guarded: World) -> None:
    guarded.edit(
        "notes/service.yml",
        "    command: notes-api\n",
        "    command: notes-api\n    traffic: [{ports: all}]\n",
    )
    with pytest.raises(InputError, match="'all' are no ports"):
        _ = guarded.desired


def test_other_networks_may_be_let_in(guarded: World) -> None:
    guarded.globals["host_firewall_networks"] = ["198.51.100.0/24", "2001:db8::/32"]
    (rule,) = rules(guarded, "memcached")
    assert rule.endswith("ip saddr != { 10.0.0.0/24, 198.51.100.0/24 } drop")
    guarded.globals["host_firewall_networks"] = ["198.51.100.7/24"]
    with pytest.raises(InputError, match=r"'198.51.100.7/24' is no network") as refused:
        _ = guarded.desired
    assert "globals.yml" in str(refused.value)


def test_ipv6_is_told_from_ipv4(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.globals |= {
        "host_firewall": True,
        "api_address": "2001:db8::1",
        "kolla_internal_vip_address": "2001:db8::250",
        "host_firewall_networks": ["192.0.2.0/24", "2001:db8:1::/48"],
    }
    assert rules(world, "memcached") == (
        "ip6 daddr 2001:db8::1 tcp dport { 11211 } ip6 saddr != { 2001:db8::1/128, 2001:db8:1::/48 } drop",
    )


def test_plans_show_rules_that_come_and_go(guarded: World) -> None:
    guarded.carry_out(reconcile(guarded.desired, guarded.states))
    assert not reconcile(guarded.desired, guarded.states).operations
    guarded.globals["memcached_port"] = 11212
    rule = "ip daddr 10.0.0.1 tcp dport {{ {} }} ip saddr != {{ 10.0.0.0/24 }} drop"
    changed = {o.id: o.causes for o in reconcile(guarded.desired, guarded.states).operations}
    assert changed["host:memcached@one"] == (
        f"the firewall does not have the rule {rule.format(11212)}",
        f"firewall rule {rule.format(11211)} is no longer needed",
    )
    guarded.globals |= {"memcached_port": 11211, "host_firewall": False}
    off = reconcile(guarded.desired, guarded.states).operations
    assert {o.kind for o in off} == {"host"}
    guarded.carry_out(reconcile(guarded.desired, guarded.states))
    assert not any(given.firewall for given in guarded.states["one"].given.values())


def test_rules_that_are_gone_are_a_reason_to_deploy(guarded: World) -> None:
    guarded.carry_out(reconcile(guarded.desired, guarded.states))
    state = guarded.states["two"]
    flushed = state.resources.model_copy(update={"firewall": ()})
    guarded.states["two"] = state.model_copy(update={"resources": flushed})
    operations = reconcile(guarded.desired, guarded.states).operations
    assert operations and all(o.host == "two" and "does not have the rule" in o.causes[0] for o in operations)


class TwoNetworks(World):
    """Hosts with a second network."""

    @property
    def facts(self) -> dict[str, HostFacts]:
        found = {}
        for number, (host, facts) in enumerate(super().facts.items(), 1):
            second = Interface(addresses=(f"10.1.0.{number}",), networks=("10.1.0.0/24",))
            interfaces = {**facts.interfaces, "eth1": second}
            found[host] = facts.model_copy(update={"interfaces": interfaces})
        return found


def test_tunnels_screens_moves_and_copies_are_for_the_networks_they_go_through(tmp_path: Path) -> None:
    world = TwoNetworks(tmp_path, hosts=("one", "two"))
    services = ("ceph", "glance", "neutron", "nova", "openvswitch", "ovn", "placement")
    on = {f"enable_{name}": True for name in services}
    second = {f"{name}_interface": "eth1" for name in ("tunnel", "migration", "cluster")}
    world.globals |= {"host_firewall": True, **on, **second}
    world.groups |= {group: world.hosts for group in ("network", "compute", "storage")}
    there = "ip saddr != { 10.1.0.0/24 } drop"
    assert rules(world, "openvswitch") == (f"ip daddr 10.1.0.1 udp dport {{ 6081 }} {there}",)
    assert {
        f"ip daddr 10.0.0.1 tcp dport {{ 5900-5999 }} {FRIENDS}",
        f"ip daddr 10.1.0.1 tcp dport {{ 49152-49215 }} {there}",
        f"ip daddr 10.1.0.1 tcp dport {{ 8022 }} {there}",
    } < set(rules(world, "nova"))
    assert f"ip daddr 10.1.0.1 tcp dport {{ 6800-7300 }} {there}" in rules(world, "ceph")
    assert rules(world, "ovn") == (
        f"ip daddr 10.0.0.1 tcp dport {{ 6641, 6643 }} {FRIENDS}",
        f"ip daddr 10.0.0.1 tcp dport {{ 6642, 6644 }} {FRIENDS}",
    )
