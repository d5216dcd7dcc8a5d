"""How the switch comes to what the settings say: its database, its bridges, its flows."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .scripts import load
from .test_templates import render

BRIDGE = {"datapath_type": "netdev", "fail_mode": None, "port": None, "mtu": None}
OURS = {"kolla": "made"}


@pytest.fixture(autouse=True)
def ovs() -> None:
    """What all of the programs import."""
    load("openvswitch", "ovs.py")
    load("openvswitch", "links.py")


@pytest.fixture
def configure() -> ModuleType:
    return load("openvswitch", "kolla_openvswitch_configure")


@pytest.fixture
def vswitchd() -> ModuleType:
    return load("openvswitch", "kolla_vswitchd")


def bridge(*ports: str, mode: Any = (), mtu: Any = None, **external_ids: str) -> dict[str, Any]:
    return {
        "datapath_type": "netdev",
        "fail_mode": list(mode) if isinstance(mode, tuple) else mode,
        "external_ids": external_ids,
        "ports": list(ports),
        "mtu": mtu or [],
    }


def commands(
    script: ModuleType,
    wanted: Mapping[str, Any],
    *,
    other_config: Mapping[str, str] | None = None,
    external_ids: Mapping[str, str] | None = None,
    bridges: Mapping[str, Any] | None = None,
    ports: Mapping[str, Mapping[str, str]] | None = None,
) -> list[str]:
    switch = {"other_config": other_config or {}, "external_ids": external_ids or {}}
    state = script.State(switch, bridges or {}, ports or {})
    complete = {"other_config": {}, "external_ids": {}, "bridges": {}, **wanted}
    return [" ".join(command) for command in script.commands(complete, state)]


def test_keys_are_set_changed_and_taken_out(configure: ModuleType) -> None:
    wanted = {
        "external_ids": {"hostname": "one", "ovn-remote": "tcp:a", "ovn-cms-options": None, "gone": None}
    }
    present = {"hostname": "one", "ovn-remote": "tcp:b", "gone": "x", "operators-own": "y"}
    assert commands(configure, wanted, external_ids=present) == [
        'set Open_vSwitch . external_ids:"ovn-remote"="tcp:a"',
        "remove Open_vSwitch . external_ids gone",
    ]


def test_a_bridge_is_made_with_its_port_and_marked(configure: ModuleType) -> None:
    wanted = {"bridges": {"br-ex": {**BRIDGE, "fail_mode": "secure", "port": "eth1"}}}
    assert commands(configure, wanted) == [
        "add-br br-ex",
        'set Bridge br-ex external_ids:"kolla"="made"',
        "set Bridge br-ex datapath_type=netdev",
        "set-fail-mode br-ex secure",
        "add-port br-ex eth1",
        'set Port eth1 external_ids:"kolla"="made"',
    ]


def test_what_is_right_is_left_alone(configure: ModuleType) -> None:
    wanted = {"bridges": {"br-ex": {**BRIDGE, "port": "eth1"}}}
    state: dict[str, Any] = {
        "bridges": {"br-ex": bridge("br-ex", "eth1", "patch", **OURS)},
        "ports": {"eth1": OURS},
    }
    state["ports"] |= {"br-ex": {}, "patch": {}}
    assert commands(configure, wanted, **state) == []


def test_a_bridge_that_ends_on_the_host_carries_what_its_network_does(configure: ModuleType) -> None:
    wanted = {"bridges": {"br-ex": {**BRIDGE, "mtu": 9000}}}
    assert "set Interface br-ex mtu_request=9000" in commands(configure, wanted)
    for known, told in ((1500, ["set Interface br-ex mtu_request=9000"]), (9000, [])):
        assert commands(configure, wanted, bridges={"br-ex": bridge(mtu=known, **OURS)}) == told
    # Somebody else's is left as it is; with a port the switch takes that one's.
    assert commands(configure, wanted, bridges={"br-ex": bridge()}) == []
    wanted["bridges"]["br-ex"]["port"] = "eth1"
    state: dict[str, Any] = {"bridges": {"br-ex": bridge("eth1", mtu=9000, **OURS)}}
    assert commands(configure, wanted, **state, ports={"eth1": OURS}) == ["clear Interface br-ex mtu_request"]


def test_only_what_was_made_here_is_removed(configure: ModuleType) -> None:
    state: dict[str, Any] = {
        "bridges": {
            "br-ex": bridge("br-ex", "eth1", "operators", **OURS),
            "br-old": bridge("br-old", **OURS),
            "br-int": bridge("br-int", mode="secure"),
        },
        "ports": {"br-ex": {}, "eth1": OURS, "operators": {}, "br-old": {}, "br-int": {}},
    }
    assert commands(configure, {"bridges": {"br-ex": BRIDGE}}, **state) == [
        "del-br br-old",
        "del-port br-ex eth1",
    ]


def test_a_bridge_that_was_there_is_used_and_not_marked(configure: ModuleType) -> None:
    state: dict[str, Any] = {
        "bridges": {"br-ex": {**bridge("br-ex"), "datapath_type": ""}},
        "ports": {"br-ex": {}},
    }
    assert commands(configure, {"bridges": {"br-ex": BRIDGE}}, **state) == [
        "set Bridge br-ex datapath_type=netdev"
    ]


DUMP = """OFPST_FLOW reply (OF1.5) (xid=0x2):
 cookie=0x1, table=0, priority=100,in_port=1 actions=load:0x1->NXM_NX_REG13[]
 cookie=0x2, table=8, priority=50 actions=drop
"""
OPTIONS = """NXT_TLV_TABLE_REPLY (xid=0x2):
 max option space=256 max fields=64
 allocated option space=4

 mapping table:
  class  type  length  match field
 ------  ----  ------  --------------
  0x102  0x80       4  tun_metadata0
"""


def test_flows_and_options_are_kept_in_words_that_put_them_back(vswitchd: ModuleType) -> None:
    assert vswitchd.descriptions(DUMP).splitlines() == [
        "cookie=0x1, table=0, priority=100,in_port=1 actions=load:0x1->NXM_NX_REG13[]",
        "cookie=0x2, table=8, priority=50 actions=drop",
    ]
    assert vswitchd.options(OPTIONS) == "{class=0x102,type=0x80,len=4}->tun_metadata0"


def test_kept_flows_lead_to_who_lives_without_asking_again(vswitchd: ModuleType) -> None:
    flow = "table=43, reg15=0x3 actions={},load:0x1->NXM_NX_REG11[]"
    several = flow.format("bundle(eth_src,0,active_backup,ofport,members:1,3,2)")
    assert vswitchd.decided(several, {"3", "2"}) == flow.format("output:3")
    assert vswitchd.decided(several.replace("members", "slaves"), {"1"}) == flow.format("output:1")
    # Nobody is known to live: the switch goes on looking.
    assert vswitchd.decided(several, set()) == several
    spread = several.replace("active_backup", "hrw")
    assert vswitchd.decided(spread, {"1"}) == spread


BFD = """---- ovn-node1-0 ----
	Forwarding: true
	Detect Multiplier: 3
---- ovn-node2-0 ----
	Forwarding: false
	Detect Multiplier: 3
"""


def test_the_switch_is_asked_who_lives(vswitchd: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = {"ovn-node1-0": 5, "ovn-node2-0": 6, "br-int": 65534}
    rows = [{"name": name, "ofport": port} for name, port in ports.items()]
    monkeypatch.setattr(vswitchd.ovs, "run", lambda *_: BFD)
    monkeypatch.setattr(vswitchd.ovs, "rows", lambda *_, **__: rows)
    assert vswitchd.alive_ports() == {"5"}


def test_flows_that_an_earlier_version_kept_are_put_back(
    vswitchd: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    monkeypatch.setattr(vswitchd, "await_bridge", lambda *_: None)
    monkeypatch.setattr(vswitchd, "openflow", lambda command, *_, **__: told.append(command))
    with subprocess.Popen(["true"]) as switch:
        vswitchd.restore("br-int", {"options": "", "groups": "", "flows": "priority=0 actions=drop"}, switch)
    assert told == ["replace-flows"]


def test_a_controller_finds_the_bridge_once_it_is_known_who_lives(
    vswitchd: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vswitchd.ovs, "SOCKETS", str(tmp_path))
    lives = iter([False, True])
    monkeypatch.setattr(vswitchd.ovs, "sees_others", lambda: next(lives))
    vswitchd.held_door("br-int").touch()
    vswitchd.let_in("br-int")
    assert next(lives, None) is None
    assert [path.name for path in tmp_path.iterdir()] == ["br-int.mgmt"]


def test_a_controller_is_let_in_when_the_switch_does_not_answer(
    vswitchd: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vswitchd.ovs, "SOCKETS", str(tmp_path))

    def no_answer(*_: str) -> str:
        raise vswitchd.ovs.Fault("the switch is gone")

    monkeypatch.setattr(vswitchd.ovs, "run", no_answer)
    vswitchd.held_door("br-int").touch()
    vswitchd.let_in("br-int")
    assert vswitchd.door("br-int").exists()


def test_neighbours_are_kept_in_words_that_put_them_back(vswitchd: ModuleType) -> None:
    known = [
        {"dst": "10.0.2.150", "lladdr": "fa:16:3e:27:91:5e", "state": ["STALE"]},
        {"dst": "10.0.2.151", "lladdr": "fa:16:3e:27:91:5f", "state": ["FAILED"]},
        {"dst": "10.0.2.152", "state": ["INCOMPLETE"]},
    ]
    assert list(vswitchd.neighbours(known)) == [("10.0.2.150", "lladdr", "fa:16:3e:27:91:5e")]


def test_tunnels_take_the_routes_and_the_prefix_of_their_interface(vswitchd: ModuleType) -> None:
    routes = [
        {"dst": "default", "gateway": "10.0.0.1"},
        {"dst": "10.0.0.0/24", "scope": "link"},
        {"dst": "10.9.9.9", "gateway": "10.0.0.2"},
    ]
    assert list(vswitchd.switch_routes(routes, "br-phy", "-4")) == [
        ("0.0.0.0/0", "br-phy", "10.0.0.1"),
        ("10.0.0.0/24", "br-phy"),
        ("10.9.9.9/32", "br-phy", "10.0.0.2"),
    ]
    held = [{"addr_info": [{"local": "10.0.0.5", "prefixlen": 24}]}]
    assert vswitchd.prefix_of("10.0.0.5", held) == 24
    with pytest.raises(vswitchd.ovs.Fault, match=r"does not have the address 10\.0\.0\.6"):
        vswitchd.prefix_of("10.0.0.6", held)


def test_tunnels_over_ipv6_take_its_routes(vswitchd: ModuleType) -> None:
    routes = [
        {"dst": "fd00::/64"},
        {"dst": "fe80::/64"},
        {"dst": "fd09::9", "gateway": "fd00::2"},
        {"dst": "default", "gateway": "fe80::1"},
    ]
    assert list(vswitchd.switch_routes(routes, "br-phy", "-6")) == [
        ("fd00::/64", "br-phy"),
        ("fd09::9/128", "br-phy", "fd00::2"),
        ("::/0", "br-phy", "fe80::1"),
    ]
    assert list(vswitchd.tunnel_flows("eth1", [6081], "-6"))[:2] == [
        "priority=2,in_port=eth1,udp6,tp_dst=6081,actions=LOCAL",
        "priority=2,in_port=eth1,icmp6,icmp_type=136,actions=LOCAL",
    ]


def test_only_tunnels_and_answers_for_them_pass_the_tunnel_bridge(vswitchd: ModuleType) -> None:
    assert list(vswitchd.tunnel_flows("eth1", [6081, 4789], "-4")) == [
        "priority=2,in_port=eth1,udp,tp_dst=6081,actions=LOCAL",
        "priority=2,in_port=eth1,udp,tp_dst=4789,actions=LOCAL",
        "priority=2,in_port=eth1,arp,arp_op=2,actions=LOCAL",
        "priority=1,in_port=eth1,actions=drop",
        "priority=0,actions=eth1",
    ]


def test_a_switch_that_begins_is_not_ready(
    vswitchd: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vswitchd, "BEGINNING", tmp_path / "beginning")
    vswitchd.BEGINNING.touch()
    with pytest.raises(vswitchd.ovs.Fault, match="begins"):
        vswitchd.check()


def test_a_switch_that_ends_is_told(vswitchd: ModuleType) -> None:
    with subprocess.Popen(["false"]) as ended:
        ended.wait()
        with pytest.raises(vswitchd.ovs.Fault, match="ended with status 1"):
            vswitchd.await_bridge("br-none", ended)


HOST = {
    "hostname": "one",
    "group_names": ("compute", "network"),
    "groups": {"openvswitch": ("one",)},
    "openvswitch_datapath": "netdev",
    "neutron_bridge_name": "br-ex",
    "neutron_bridge_address": "",
    "neutron_external_interface": "",
    "neutron_global_physnet_mtu": 1500,
    "neutron_physical_network_mtus": {},
    "neutron_physical_networks": "physnet1",
    "neutron_plugin_agent": "ovn",
    "neutron_tenant_network_types": "geneve",
    "tunnel_interface": "eth1",
    "tunnel_address": "10.1.0.5",
    "overlay": {"nb_connection": "tcp:10.0.0.5:6641", "sb_connection": "tcp:10.0.0.5:6642"},
}


def switch(**scope: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render("openvswitch", "switch.json.j2", **{**HOST, **scope}))
    return document


def bridges(**scope: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render("openvswitch", "bridges.json.j2", **{**HOST, **scope}))
    return document


def test_a_host_alone_has_the_external_bridge_only() -> None:
    document = switch()
    assert document["bridges"] == {"br-ex": {**BRIDGE, "mtu": 1500}}
    assert document["other_config"] == {"userspace-tso-enable": "true"}
    ids = document["external_ids"]
    assert ids["kolla-ovn-nb"] == "tcp:10.0.0.5:6641"
    assert (ids["ovn-bridge-mappings"], ids["ovn-cms-options"]) == ("physnet1:br-ex", "enable-chassis-as-gw")
    assert bridges(neutron_bridge_address="10.0.2.1/24")["addresses"] == {"br-ex": "10.0.2.1/24"}


def test_bridges_have_the_mtu_of_their_physical_networks() -> None:
    two = {"neutron_bridge_name": "br-ex, br-data", "neutron_physical_networks": "physnet1, data"}
    document = switch(**two, neutron_global_physnet_mtu=1600, neutron_physical_network_mtus={"data": 9000})
    assert {name: bridge["mtu"] for name, bridge in document["bridges"].items()} == {
        "br-ex": 1600,
        "br-data": 9000,
    }


def test_userspace_tunnels_between_hosts_have_a_bridge() -> None:
    two = {"groups": {"openvswitch": ("one", "two")}}
    assert switch(**two)["bridges"]["br-phy"] == {
        "datapath_type": "netdev",
        "fail_mode": "secure",
        "port": "eth1",
        "mtu": None,
    }
    led = {"bridge": "br-phy", "interface": "eth1", "address": "10.1.0.5"}
    assert bridges(**two)["tunnel"] == {**led, "ports": [6081]}
    agents = {**two, "neutron_plugin_agent": "openvswitch", "neutron_tenant_network_types": "vxlan, vlan"}
    assert bridges(**agents)["tunnel"] == {**led, "ports": [4789]}
    both = {**agents, "neutron_tenant_network_types": "geneve,vxlan"}
    assert bridges(**both)["tunnel"] == {**led, "ports": [6081, 4789]}
    kernel = {**two, "openvswitch_datapath": "system"}
    assert "br-phy" not in switch(**kernel)["bridges"]
    assert switch(**kernel)["other_config"] == {"userspace-tso-enable": None}
    assert bridges(**kernel)["tunnel"] is None


def test_with_agents_nothing_of_ovn_is_said_and_bridges_wait_for_flows() -> None:
    document = switch(neutron_plugin_agent="openvswitch", overlay=None)
    assert document["bridges"] == {"br-ex": {**BRIDGE, "fail_mode": "secure", "mtu": 1500}}
    assert {key: value for key, value in document["external_ids"].items() if value is not None} == {
        "system-id": "one",
        "hostname": "one",
    }
    assert document["external_ids"].keys() == switch()["external_ids"].keys()


NONE: Any = []
CONTROLLER = "1"
IDS: Any = {}
MADE: Any = {"kolla": "made"}


@pytest.mark.parametrize(
    ("fail_mode", "controller", "external_ids", "controlled"),
    [
        ("secure", NONE, IDS, True),  # br-int of OVN
        ("secure", CONTROLLER, IDS, True),  # br-int of neutron's agent
        ("secure", CONTROLLER, MADE, True),  # br-ex with that
        (NONE, NONE, MADE, False),  # br-ex of OVN
        ("secure", NONE, MADE, False),  # br-phy
        (NONE, NONE, IDS, False),
    ],
)
def test_flows_of_others_are_kept(
    vswitchd: ModuleType, fail_mode: Any, controller: Any, external_ids: Any, controlled: bool
) -> None:
    assert vswitchd.is_controlled(fail_mode, controller, external_ids) is controlled


def test_a_compute_host_has_an_external_bridge_only_with_an_interface() -> None:
    compute = {"group_names": ("compute",), "neutron_bridge_address": "10.0.2.1/24"}
    document = switch(**compute)
    assert document["bridges"] == {}
    assert document["external_ids"]["ovn-bridge-mappings"] is None
    assert document["external_ids"]["ovn-cms-options"] is None
    assert document["external_ids"]["kolla-ovn-nb"] is None
    assert bridges(**compute)["addresses"] == {}
    assert switch(**compute, neutron_external_interface="eth2")["bridges"]["br-ex"]["port"] == "eth2"


def test_several_external_bridges_have_their_interfaces_and_networks() -> None:
    document = switch(
        neutron_bridge_name="br-a,br-b",
        neutron_external_interface="eth2,eth3",
        neutron_physical_networks="one,two",
    )
    assert {name: each["port"] for name, each in document["bridges"].items()} == {
        "br-a": "eth2",
        "br-b": "eth3",
    }
    assert document["external_ids"]["ovn-bridge-mappings"] == "one:br-a,two:br-b"


def test_spaces_between_names_are_not_part_of_them() -> None:
    document = switch(
        neutron_bridge_name="br-a, br-b, br-c",
        neutron_external_interface="eth2, , eth4",
        neutron_physical_networks="one, two, three",
    )
    assert {name: each["port"] for name, each in document["bridges"].items()} == {
        "br-a": "eth2",
        "br-b": None,
        "br-c": "eth4",
    }
    assert document["external_ids"]["ovn-bridge-mappings"] == "one:br-a,two:br-b,three:br-c"
    first = bridges(neutron_bridge_name=" br-a, br-b", neutron_bridge_address="10.0.2.1/24")
    assert first["addresses"] == {"br-a": "10.0.2.1/24"}
