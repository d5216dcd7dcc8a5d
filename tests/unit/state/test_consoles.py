"""How people reach the screens and serial ports of servers: containers, listeners, plans."""

from __future__ import annotations

from pathlib import Path

import pytest
from world import World

from kolla.state.reconcile import reconcile
from kolla.state.topology import Topology

CORE = ("glance", "neutron", "nova", "openvswitch", "ovn", "placement")
PROXIES = ("nova-novncproxy", "nova-serialproxy", "nova-spicehtml5proxy")


@pytest.fixture
def core(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.globals |= {f"enable_{name}": True for name in CORE}
    world.groups |= {group: world.hosts for group in ("compute", "deployment", "network")}
    return world


@pytest.mark.parametrize(
    ("given", "proxies"),
    [
        ({}, {"nova-novncproxy"}),
        ({"nova_console": "spice"}, {"nova-spicehtml5proxy"}),
        ({"nova_console": "none"}, set()),
        (
            {"enable_nova_serialconsole_proxy": True},
            {"nova-novncproxy", "nova-serialproxy"},
        ),
    ],
)
def test_what_is_asked_for_is_there_and_listened_for(
    core: World, given: dict[str, object], proxies: set[str]
) -> None:
    core.globals |= given
    assert {container.name for container in core.desired.containers} & set(PROXIES) == proxies
    listeners = {listener.name for listener in Topology(core.settings, core.facts).listeners}
    assert listeners & set(PROXIES) == proxies


def test_another_console_is_a_change_of_few_things(core: World) -> None:
    core.carry_out(reconcile(core.desired, core.states))
    core.globals["nova_console"] = "spice"
    changed = {operation.id for operation in reconcile(core.desired, core.states).operations}
    own = {each for each in changed if not each.startswith(("endpoint:", "job:", "image:"))}
    assert own == {
        "container:nova-spicehtml5proxy@one",
        "container:nova-compute@one",
        "container:haproxy@one",
        "remove:nova_novncproxy@one",
    }


def test_hosts_let_in_what_consoles_need(core: World) -> None:
    core.globals |= {"host_firewall": True, "nova_console": "none"}
    assert not any("dport { 5900-5999 }" in rule for rule in rules(core))
    core.globals |= {"nova_console": "spice", "enable_nova_serialconsole_proxy": True}
    for ports in ("5900-5999", "10000-10999"):
        assert any(f"dport {{ {ports} }}" in rule for rule in rules(core))


def rules(world: World) -> tuple[str, ...]:
    return world.desired.host_needs["one", "nova"].firewall


def test_only_who_has_devices_for_servers_may_lock_memory(core: World) -> None:
    def may() -> bool:
        found = (each for each in core.desired.containers if each.name == "nova-libvirt")
        return "SYS_RESOURCE" in next(found).spec.capabilities

    assert not may()
    core.globals["nova_pci_device_specs"] = [{"address": "0000:0a:00.0"}]
    assert may()
