"""Networks of either family: whatever services are told, an IPv6 address before a port is in brackets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import World

from kolla.errors import InputError, InputErrors
from kolla.state import networks
from kolla.state.derive import desire
from kolla.state.desired import Desired
from kolla.state.facts import HostFacts, Interface
from kolla.state.prechecks import limits
from kolla.state.topology import Topology

HOSTS = ("one", "two", "three")

BARE = re.compile(r"fd00:0:0:[ab]::[0-9a-f]+:[0-9]+")
"""An address of these tests without brackets, and what could be a port behind it."""

LISTENERS = "listeners.tcp."
"""How lines of rabbitmq.conf begin that have an address without brackets before a port."""


def interfaces(number: int) -> dict[str, Interface]:
    """Of a host with addresses of both families in each network; the newest, the VIP, first."""
    return {
        "eth0": Interface(
            addresses=(f"10.0.0.{number}",),
            addresses6=("fd00:0:0:a::fa", f"fd00:0:0:a::{number}"),
            networks=("10.0.0.0/24", "fd00:0:0:a::/64"),
        ),
        "eth1": Interface(
            addresses=(f"10.1.0.{number}",),
            addresses6=(f"fd00:0:0:b::{number}",),
            networks=("10.1.0.0/24", "fd00:0:0:b::/64"),
        ),
    }


def facts_of(world: World) -> dict[str, HostFacts]:
    return {
        host: facts.model_copy(update={"interfaces": interfaces(number)})
        for number, (host, facts) in enumerate(world.facts.items(), 1)
    }


@pytest.fixture
def whole(tmp_path: Path) -> World:
    """Every service, on three hosts."""
    world = World(tmp_path, hosts=HOSTS)
    world.groups |= {group: HOSTS for group in ("compute", "network", "storage", "deployment")}
    names = [name for name in world.globals if name.startswith("enable_")]
    world.globals = {
        "network_interface": "eth0",
        "tunnel_interface": "eth1",
        "kolla_internal_vip_address": "fd00:0:0:a::fa",
        "network_address_family": "ipv6",
        **{name: True for name in (*names, "enable_ceph", "enable_cinder", "enable_registry")},
    }
    return world


def desired(world: World) -> Desired:
    return desire(world.settings, world.report, facts_of(world))


def texts(wanted: Desired) -> Iterator[tuple[str, str]]:
    """Whatever containers and jobs are told, and where."""
    for node in wanted.nodes:
        for name, file in node.config.files.items():
            yield f"{node.id} {name}", file.content.decode()
        yield f"{node.id} environment", " ".join(node.spec.environment.values())
        if node.spec.health is not None:
            yield f"{node.id} health", " ".join(node.spec.health.command)


def bare(wanted: Desired) -> list[str]:
    """Lines with an address before a port that is not in brackets."""
    return [
        f"{where}: {line}"
        for where, text in texts(wanted)
        for line in text.splitlines()
        if BARE.search(line) and not line.startswith(LISTENERS)
    ]


@given(st.integers(1, 0xFFFF), st.integers(10, 65535))
def test_what_is_looked_for_would_be_found(number: int, port: int) -> None:
    assert BARE.search(f"tcp:fd00:0:0:a::{number:x}:{port},")
    assert not BARE.search(f"tcp:[fd00:0:0:a::{number:x}]:{port}")


def test_in_all_that_is_rendered_ports_follow_brackets(whole: World) -> None:
    wanted = desired(whole)
    assert bare(wanted) == []
    everything = "\n".join(text for _, text in texts(wanted))
    for expected in (
        "http://[fd00:0:0:a::fa]:5000",
        "gcomm://[fd00:0:0:a::1]:4567,[fd00:0:0:a::2]:4567",
        "@[fd00:0:0:a::fa]:3306/keystone",
        "@[fd00:0:0:a::2]:5672",
        "inet6:[fd00:0:0:a::1]:11211",
        "tcp:[fd00:0:0:a::1]:6641,tcp:[fd00:0:0:a::2]:6641",
        "bind [fd00:0:0:a::fa]:5000",
        "http-socket = [fd00:0:0:a::3]:8774",
        "[v2:[fd00:0:0:a::1]:3300]",
        "{host, {64768,0,0,10,0,0,0,1}",
        "{inet6, true}.",
        "-proto_dist inet6_tcp",
    ):
        assert expected in everything


def test_with_addresses_of_ipv6_alone_none_of_ipv4_is_told(whole: World) -> None:
    found = {where for where, text in texts(desired(whole)) if re.search(r"\b10\.[01]\.0\.[0-9]", text)}
    # The demonstration keeps away from every address that a host has.
    assert {where.rpartition(" ")[2] for where in found} == {"demo.json"}


def test_a_vip_that_a_host_has_at_the_moment_is_not_its_address(whole: World) -> None:
    addresses = Topology(whole.settings, facts_of(whole)).api_addresses
    assert list(addresses.values()) == ["fd00:0:0:a::1", "fd00:0:0:a::2", "fd00:0:0:a::3"]


def test_the_address_of_a_host_alone_may_be_that_of_its_endpoints(world: World) -> None:
    world.globals |= {
        "enable_haproxy": False,
        "network_address_family": "ipv6",
        "kolla_internal_vip_address": "fd00:0:0:a::fa",
    }
    topology = Topology(world.settings, facts_of(world))
    assert topology.api_addresses == {"one": "fd00:0:0:a::fa"}
    assert topology.endpoints["keystone"].internal_url == "http://[fd00:0:0:a::fa]:5000/v3"


def test_networks_may_be_of_different_families(whole: World) -> None:
    whole.globals |= {
        "network_address_family": "ipv4",
        "tunnel_address_family": "ipv6",
        "kolla_internal_vip_address": "10.0.0.250",
        "migration_interface": "eth1",
        "migration_address_family": "ipv6",
        "storage_interface": "eth1",
    }
    wanted = desired(whole)
    assert bare(wanted) == []
    said = dict(texts(wanted))
    assert '"ovn-encap-ip": "fd00:0:0:b::2"' in said["job:openvswitch/configure@two switch.json"]
    assert "overlay_ip_version = 6" in said["container:neutron-server@one ml2_conf.ini"]
    compute = said["container:nova-compute@three nova.conf"]
    for line in (
        "my_ip = 10.0.0.3",
        "my_block_storage_ip = 10.1.0.3",
        "live_migration_inbound_addr = fd00:0:0:b::3",
    ):
        assert line in compute.splitlines()
    assert "my_block_storage_ip" not in said["container:nova-conductor@one nova.conf"]


def test_the_firewall_knows_networks_of_both_families(whole: World) -> None:
    whole.globals |= {"host_firewall": True, "tunnel_address_family": "ipv4"}
    needs = desired(whole).host_needs
    (cache,) = needs["one", "memcached"].firewall
    assert cache == "ip6 daddr fd00:0:0:a::1 tcp dport { 11211 } ip6 saddr != { fd00:0:0:a::/64 } drop"
    (tunnels,) = needs["two", "openvswitch"].firewall
    assert tunnels == "ip daddr 10.1.0.2 udp dport { 6081 } ip saddr != { 10.1.0.0/24 } drop"
    everywhere = [rule for each in needs.values() for rule in each.firewall]
    assert not [rule for rule in everywhere if "{  }" in rule]


def without(facts: Mapping[str, HostFacts], interface: str, *hosts: str) -> dict[str, HostFacts]:
    """Hosts whose interface has no IPv6 address."""
    changed = dict(facts)
    for host in hosts:
        there = facts[host].interfaces
        bare = there[interface].model_copy(update={"addresses6": ()})
        changed[host] = facts[host].model_copy(update={"interfaces": {**there, interface: bare}})
    return changed


def test_hosts_without_an_address_of_the_family_are_told_at_once(whole: World) -> None:
    facts = without(facts_of(whole), "eth0", "one", "three")
    with pytest.raises(InputErrors) as caught:
        _ = Topology(whole.settings, facts).api_addresses
    one, three = networks.lacking(caught.value)
    assert one.what == (
        "interface 'eth0' of host one.example has no ipv6 address, which it needs by api_interface and "
        "api_address_family"
    )
    assert (three.host, three.interface) == ("three", "eth0")
    assert networks.lacking(InputError("something else")) == []


def test_prechecks_name_every_host_interface_and_setting(whole: World) -> None:
    facts = without(without(facts_of(whole), "eth1", "two", "three"), "eth0", "one")
    derive = partial(desire, whole.settings, whole.report)
    found = networks.findings(derive, facts)
    assert sorted((each["host"], each["subject"]) for each in found) == [
        ("one", "eth0 (ipv6)"),
        ("three", "eth1 (ipv6)"),
        ("two", "eth1 (ipv6)"),
    ]
    (tunnel,) = [each for each in found if each["host"] == "two"]
    assert "tunnel_interface and tunnel_address_family" in tunnel["message"]
    assert tunnel["ok"] is False
    assert tunnel["hint"].startswith("give it one (ip address add), or set tunnel_interface")


def test_an_interface_that_is_not_there_is_a_finding_too(whole: World) -> None:
    whole.globals["tunnel_interface"] = "eth2"
    (first, *_) = networks.findings(partial(desire, whole.settings, whole.report), facts_of(whole))
    assert first["message"] == "host one.example has no interface 'eth2', as tunnel_interface says"
    assert first["hint"].startswith("did you mean 'eth")


def test_nothing_is_found_where_nothing_is_missing_or_something_else_is_wrong(whole: World) -> None:
    derive = partial(desire, whole.settings, whole.report)
    assert networks.findings(derive, facts_of(whole)) == []
    whole.globals["keystone_port"] = 3306
    assert networks.findings(partial(desire, whole.settings, whole.report), facts_of(whole)) == []


def test_a_vip_of_the_other_family_is_warned_of_where_keepalived_moves_it(whole: World) -> None:
    whole.globals["kolla_internal_vip_address"] = "10.0.0.250"
    warned = [each for each in limits(whole.settings, HOSTS) if each["subject"] == "haproxy"]
    assert [each["host"] for each in warned] == list(HOSTS)
    assert warned[0]["message"].startswith("it moves no VIP (10.0.0.250) of another family than the API addr")
    whole.globals["kolla_internal_vip_address"] = "fd00:0:0:a::fa"
    assert not [each for each in limits(whole.settings, HOSTS) if each["subject"] == "haproxy"]
