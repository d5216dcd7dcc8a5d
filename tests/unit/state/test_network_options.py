"""What networks can do, by settings: the text of neutron's files, with OVN and with its own agents."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_network_agents import networks
from world import World

from kolla.state.facts import Interface
from kolla.state.prechecks import findings

PLUGINS = "qos,trunk,port_forwarding,segments"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A host that does all."""
    world = networks(World(tmp_path))
    world.groups |= {"network": world.hosts, "compute": world.hosts}
    return world


def lines(world: World, container: str, file: str) -> list[str]:
    """Of a file of a container, as its program reads it."""
    (found,) = (each for each in world.desired.containers_on("one") if each.name == container)
    (text,) = (each.content for name, each in found.config.files.items() if name.endswith(file))
    return text.decode().splitlines()


def test_networks_can_all_but_log_packets_unless_settings_say_otherwise(world: World) -> None:
    assert f"service_plugins = ovn-router,{PLUGINS}" in lines(world, "neutron-server", "neutron.conf")
    assert "extension_drivers = port_security,qos,dns" in lines(world, "neutron-server", "ml2_conf.ini")
    world.globals["enable_neutron_packet_logging"] = True
    assert f"service_plugins = ovn-router,{PLUGINS},log" in lines(world, "neutron-server", "neutron.conf")
    # OVN names a meter by it.
    assert not any("local_output_log_base" in line for line in lines(world, "neutron-server", "ml2_conf.ini"))


@pytest.mark.parametrize("key", ["qos", "trunk", "port_forwarding", "segments"])
def test_each_can_be_switched_off(world: World, key: str) -> None:
    world.globals[f"enable_neutron_{key}"] = False
    left = ",".join(plugin for plugin in PLUGINS.split(",") if plugin != key)
    assert f"service_plugins = ovn-router,{left}" in lines(world, "neutron-server", "neutron.conf")
    drivers = "port_security,dns" if key == "qos" else "port_security,qos,dns"
    assert f"extension_drivers = {drivers}" in lines(world, "neutron-server", "ml2_conf.ini")


def test_a_list_of_ones_own_takes_their_place(world: World) -> None:
    world.globals["neutron_service_plugins"] = ["ovn-router", "trunk"]
    assert "service_plugins = ovn-router,trunk" in lines(world, "neutron-server", "neutron.conf")
    assert "extension_drivers = port_security,dns" in lines(world, "neutron-server", "ml2_conf.ini")


def test_agents_do_what_the_api_offers(world: World) -> None:
    world.globals |= {"neutron_plugin_agent": "openvswitch", "enable_neutron_packet_logging": True}
    assert f"service_plugins = router,{PLUGINS},log" in lines(world, "neutron-server", "neutron.conf")
    switch = lines(world, "neutron-openvswitch-agent", "openvswitch_agent.ini")
    assert {"extensions = qos,log", "local_output_log_base = /var/log/kolla/neutron/packets.log"} <= {*switch}
    routers = lines(world, "neutron-l3-agent", "l3_agent.ini")
    assert "extensions = fip_qos,gateway_ip_qos,port_forwarding" in routers
    world.globals |= {"enable_neutron_qos": False, "enable_neutron_port_forwarding": False}
    assert "extensions = log" in lines(world, "neutron-openvswitch-agent", "openvswitch_agent.ini")
    assert "extensions =" in lines(world, "neutron-l3-agent", "l3_agent.ini")


def test_tunnels_have_the_mtu_of_physical_networks_unless_they_have_another(world: World) -> None:
    world.globals["neutron_global_physnet_mtu"] = 9000
    assert "global_physnet_mtu = 9000" in lines(world, "neutron-server", "neutron.conf")
    assert {"path_mtu = 9000", "physical_network_mtus = physnet1:9000"} <= {
        *lines(world, "neutron-server", "ml2_conf.ini")
    }


@pytest.mark.parametrize(
    ("path", "physical", "largest"),
    [(1600, {"physnet2": 4000}, 4000), (1600, {"physnet2": 1400}, 1600), (1400, {}, 1500)],
)
def test_each_has_its_own_mtu_as_neutron_only_makes_the_largest_smaller(
    world: World, path: int, physical: dict[str, int], largest: int
) -> None:
    world.globals |= {
        "neutron_bridge_name": "br-ex,br-data",
        "neutron_path_mtu": path,
        "neutron_physical_network_mtus": physical,
    }
    assert f"global_physnet_mtu = {largest}" in lines(world, "neutron-server", "neutron.conf")
    networks = f"physical_network_mtus = physnet1:1500,physnet2:{physical.get('physnet2', 1500)}"
    assert {f"path_mtu = {path}", networks} <= {*lines(world, "neutron-server", "ml2_conf.ini")}


def test_interfaces_must_carry_what_neutron_is_told(world: World) -> None:
    world.globals |= {
        "neutron_bridge_name": "br-ex,br-data",
        "neutron_external_interface": "eth2,eth3",
        "neutron_global_physnet_mtu": 9000,
        "neutron_physical_network_mtus": {"physnet1": 1500},
    }

    def warned() -> set[tuple[str, str]]:
        cards = {"interfaces": dict.fromkeys(("eth0", "eth2", "eth3"), Interface(mtu=1500))}
        facts = {host: known.model_copy(update=cards) for host, known in world.facts.items()}
        told = findings(world.desired, facts, world.states)
        return {(f["host"], f["subject"]) for f in told if f["check"] == "mtu"}

    # Nothing goes through a tunnel where there is no other host.
    assert warned() == {("one", "eth3")}
    world.globals["neutron_external_interface"] = ",eth3"
    assert warned() == {("one", "eth3")}
    world.globals["neutron_external_interface"] = "eth2,eth3"
    world.hosts = ("one", "two")
    world.groups |= {"control": ["one"], "network": ["one"], "compute": ["one", "two"]}
    world.states = world.states_of(world.hosts)
    assert warned() == {(host, card) for host in world.hosts for card in ("eth0", "eth3")}
