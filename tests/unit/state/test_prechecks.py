"""What is found about hosts without asking them again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import World

from kolla.errors import InputError
from kolla.state.facts import Interface
from kolla.state.prechecks import clocks, findings, quorums
from kolla.state.requirements import requests

INTERFACES = {
    "lo": Interface(addresses=("127.0.0.1",), networks=("127.0.0.0/8",)),
    "eth0": Interface(addresses=("10.0.0.1",), networks=("10.0.0.0/24",)),
    "eth1": Interface(),
    "eth2": Interface(master="br-other"),
    "eth3": Interface(master="br-ex"),
    "eth4": Interface(addresses=("192.168.7.7",), networks=("192.168.7.0/24", "172.16.0.0/12")),
    "eth5": Interface(addresses6=("2001:db8::5",)),
    "eth6": Interface(up=False),
    "br-ex": Interface(addresses=("10.0.2.1",), networks=("10.0.2.0/24",)),
}


def found(world: World, requires: str, check: str, interfaces: dict[str, Any] = INTERFACES) -> dict[str, Any]:
    """Subject -> finding, of a cloud of which one container requires something."""
    world.edit(
        "notes/service.yml", "  notes:\n    command:", f"  notes:\n    requires: {requires}\n    command:"
    )
    facts = {h: f.model_copy(update={"interfaces": interfaces}) for h, f in world.facts.items()}
    return {f["subject"]: f for f in findings(world.desired, facts, world.states) if f["check"] == check}


@pytest.mark.parametrize(
    ("interface", "message"),
    [
        ("eth1", None),
        ("eth3", None),
        ("br-ex", None),
        ("eth9", "'notes' needs it, and it is not there"),
        ("eth0", "this host's default route goes through it: 'notes' would cut the host off"),
        ("eth2", "it is part of 'br-other' already; 'notes' needs it for itself"),
        ("eth4", "it has the address 192.168.7.7, which would be cut off; 'notes' needs it for itself"),
        ("eth5", "it has the address 2001:db8::5, which would be cut off; 'notes' needs it for itself"),
        ("eth6", "it is switched off; nothing would pass it for 'notes'"),
    ],
)
def test_an_interface_must_be_there_and_free(world: World, interface: str, message: str | None) -> None:
    requires = f"{{interfaces: [{interface}], bridges: [br-ex]}}"
    finding = found(world, requires, "interface")[interface]
    assert finding["ok"] is (message is None)
    assert message is None or finding["message"] == message
    assert bool(finding["hint"]) is (message is not None)


def test_an_interface_with_an_address_of_the_cloud_is_not_free(world: World) -> None:
    interfaces = {**INTERFACES, "eth1": Interface(addresses=("10.0.0.250",))}
    finding = found(world, "{interfaces: [eth1]}", "interface", interfaces)["eth1"]
    assert "the cloud itself uses its address 10.0.0.250" in finding["message"]


def test_a_text_names_several_interfaces_or_none(world: World) -> None:
    world.globals["notes_greeting"] = "eth1, eth4"
    requires = "{interfaces: ['{{ notes_greeting }}', '{{ docker_registry }}']}"
    assert set(found(world, requires, "interface")) == {"eth1", "eth4"}


def test_interfaces_that_carry_less_than_they_are_to_are_warned_of(world: World) -> None:
    requires = "{mtu: {'eth1, eth2,eth3': '1500,9000,9000,9000', 'eth4': '{{ notes_port }}'}}"
    interfaces = {"eth1": Interface(mtu=1500), "eth2": Interface(mtu=1500), "eth3": Interface()}
    warnings = found(world, requires, "mtu", {**interfaces, "eth4": Interface(mtu=1400)})
    assert set(warnings) == {"eth2", "eth4"}
    assert all(warning["ok"] and warning["warning"] for warning in warnings.values())
    assert "its MTU is 1500, and 'notes' sends packets of up to 9000 bytes" in warnings["eth2"]["message"]
    assert warnings["eth2"]["hint"].endswith("ip link set eth2 mtu 9000")
    assert warnings["eth4"]["hint"].endswith("; or set notes_port to 1400")


def test_an_mtu_that_is_none_is_refused(world: World) -> None:
    with pytest.raises(InputError, match="'much' is no MTU"):
        found(world, "{mtu: {eth1: much}}", "mtu")


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("10.0.3.1/24", None),
        ("10.0.2.1/24", None),
        ("2001:db8::/64", None),
        ("192.168.7.128/25", "it overlaps 192.168.7.0/24, which interface 'eth4' leads to"),
        ("172.20.0.0/16", "it overlaps 172.16.0.0/12, which interface 'eth4' leads to"),
        ("10.0.0.0/8", "it overlaps 10.0.0.0/24, which interface 'eth0' leads to"),
    ],
)
def test_a_network_must_lead_nowhere_else(world: World, network: str, message: str | None) -> None:
    (finding,) = found(world, f"{{networks: ['{network}'], bridges: [br-ex]}}", "network").values()
    assert finding["ok"] is (message is None)
    assert message is None or finding["message"] == message


def test_who_must_choose_another_network_is_told_the_setting(world: World) -> None:
    world.globals["notes_greeting"] = "192.168.7.1/24"
    (finding,) = found(world, "{networks: ['{{ notes_greeting }}']}", "network").values()
    assert finding["hint"].startswith("set notes_greeting, and what belongs to it, to another range")


@pytest.mark.parametrize(("kind", "ok"), [("", True), ("bridge", False), ("vlan", False)])
def test_a_bridge_of_the_kernels_own_is_nobodys_to_use(world: World, kind: str, ok: bool) -> None:
    interfaces = {**INTERFACES, "br-ex": Interface(kind=kind)}
    told = found(world, "{bridges: [br-ex, br-none]}", "bridge", interfaces)
    assert {name: finding["ok"] for name, finding in told.items()} == {"br-ex": ok}
    assert ok or "ip link delete br-ex" in told["br-ex"]["hint"]


def test_a_network_must_not_hold_an_address_of_the_cloud(world: World) -> None:
    interfaces = {"eth0": Interface(addresses=("10.0.0.1",))}
    (finding,) = found(world, "{networks: [10.0.0.0/25]}", "network", interfaces).values()
    assert finding["message"] == "the cloud's own address 10.0.0.1 is in it"


def test_networks_must_not_overlap_each_other_unless_they_are_the_same(world: World) -> None:
    requires = "{networks: [10.9.0.1/24, 10.9.0.0/24, 10.9.0.0/16, nonsense]}"
    checked = found(world, requires, "network")
    assert checked["10.9.0.0/24"]["ok"]
    assert checked["10.9.0.0/16"]["message"] == "it overlaps 10.9.0.0/24, which 'notes' needs"
    assert not checked["nonsense"]["ok"]


@pytest.fixture
def three(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("three"), hosts=("one", "two", "three"))


def test_two_hosts_of_one_name_are_told_on_each_host_asked(three: World) -> None:
    three.edit("notes/service.yml", "containers:\n", "requires: {hostname: true}\ncontainers:\n")
    names = {"one": "node", "two": "node.example", "three": "other"}
    facts = {h: f.model_copy(update={"hostname": names[h]}) for h, f in three.facts.items()}
    asked = {host: three.states[host] for host in ("two", "three")}
    told = {f["host"]: f for f in findings(three.desired, facts, asked) if f["check"] == "hostname"}
    assert {host: finding["ok"] for host, finding in told.items()} == {"two": False, "three": True}
    assert told["two"]["message"] == "host one calls itself 'node', too"


def test_a_kernel_without_a_required_module_or_sysctl_is_told(world: World) -> None:
    section = "host: {modules: [{name: vxlan}], sysctls: {net.x: '1'}}\ncontainers:\n"
    world.edit("notes/service.yml", "containers:\n", section)
    told = {f["check"]: f for f in findings(world.desired, world.facts, world.states)}
    assert told["kernel module"]["message"] == "service 'notes' needs it, and this kernel does not have it"
    # The module may bring it.
    assert told["sysctl"]["ok"]
    resources = world.states["one"].resources.model_copy(update={"modules": ("vxlan",)})
    world.states["one"] = world.states["one"].model_copy(update={"resources": resources})
    world.kernel_modules = ("vxlan",)
    told = {f["check"]: f for f in findings(world.desired, world.facts, world.states)}
    assert told["kernel module"]["ok"]
    assert not told["sysctl"]["ok"]


def test_what_is_asked_of_a_host_is_what_its_services_require_together(world: World) -> None:
    before = requests(world.desired, world.states, world.report, world.facts)["one"]
    world.edit(
        "notes/service.yml",
        "  notes:\n    command:",
        "  notes:\n    requires:\n"
        '      memory: "{{ 100 * 2 }}"\n'
        "      disk: {notes: 10, /srv/notes: 20}\n"
        "      virtualization: '{{ notes_greeting }}'\n"
        "      sockets: [/run/notes.sock]\n"
        "    devices: [/dev/net/tun]\n"
        "    privileges_reason: A test.\n"
        "    command:",
    )
    world.globals["notes_greeting"] = "qemu"
    now = requests(world.desired, world.states, world.report, world.facts)["one"]
    mib = 1 << 20
    assert now["memory"] - before["memory"] == 200 * mib
    assert now["engine_space"] - before["engine_space"] == 10 * mib
    assert now["directories"] == {"/srv/notes": 20 * mib}
    assert now["sockets"] == {"/run/notes.sock": "notes"}
    assert now["devices"]["/dev/net/tun"] == "notes"
    assert {"kind": "qemu", "setting": "notes_greeting", "name": "notes"} in now["virtualization"]


def test_an_amount_that_is_none_is_refused(world: World) -> None:
    with pytest.raises(InputError, match="'Hello' is no amount"):
        found(world, "{memory: '{{ notes_greeting }}'}", "memory")


def test_a_virtualization_nobody_knows_is_refused(world: World) -> None:
    with pytest.raises(InputError, match="'xen' is no virtualization"):
        found(world, "{virtualization: xen}", "virtualization")


def test_disk_space_is_for_a_volume_there_is(world: World) -> None:
    with pytest.raises(InputError, match="there is no volume 'nots'"):
        found(world, "{disk: {nots: 1}}", "disk")


def test_a_group_that_hosts_are_prepared_in_must_exist(world: World) -> None:
    world.edit("notes/service.yml", "containers:\n", "host: {group: netwrok}\ncontainers:\n")
    with pytest.raises(InputError, match="there is no group 'netwrok'"):
        assert world.desired


@pytest.mark.parametrize(
    ("began", "ended", "said"),
    [
        (1001.0, 1004.0, None),
        (999.0, 1002.0, None),
        (966.0, 968.0, "at least 34 s behind that of"),
        (1065.0, 1070.0, "at least 60 s ahead of that of"),
    ],
)
def test_a_clock_is_wrong_when_it_cannot_have_been_that_late(
    began: float, ended: float, said: str | None
) -> None:
    (finding,) = clocks(1000.0, {"one": (began, ended)}, 1010.0)
    assert finding["ok"] is (said is None)
    assert said is None or said in finding["message"]


@given(delays=st.tuples(*[st.floats(0, 1000)] * 3), wrong=st.floats(-1000, 1000))
def test_no_delay_makes_a_right_clock_wrong(delays: tuple[float, float, float], wrong: float) -> None:
    began, ended = delays[0] + wrong, delays[0] + delays[1] + wrong
    (finding,) = clocks(0.0, {"one": (began, ended)}, sum(delays))
    assert finding["ok"] or abs(wrong) > 1.9


@pytest.mark.parametrize(("count", "warned"), [(1, False), (2, True), (3, False), (4, True)])
def test_a_member_too_many_is_told_once(tmp_path: Path, count: int, warned: bool) -> None:
    world = World(tmp_path, hosts=("one", "two", "three", "four")[:count])
    told = list(quorums(world.settings.services, world.desired, world.states))
    assert {(f["host"], f["subject"]) for f in told} == (
        {("one", "mariadb"), ("one", "rabbitmq")} if warned else set()
    )
    assert all(f["warning"] and f["ok"] for f in told)
    assert list(quorums(world.settings.services, world.desired, {"two": None})) == []


def test_images_that_a_host_lacks_and_no_registry_has_are_told(world: World) -> None:
    def told() -> list[str]:
        checked = findings(world.desired, world.facts, world.states)
        return [f["message"] for f in checked if f["check"] == "images"]

    lacking = "haproxy, keystone, kolla-toolbox, mariadb, memcached, notes, rabbitmq"
    (message,) = told()
    assert message == f"this host does not have {lacking}, which no registry was given"
    images = {container.spec.image for container in world.desired.containers}
    world.states["one"] = world.states["one"].model_copy(update={"images": tuple(images)})
    assert told() == []
