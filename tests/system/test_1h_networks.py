"""What networks can do: forwarded ports, limits and marks, logged packets, trunks, VLANs, large packets."""

from __future__ import annotations

import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from system.client import Demo, Login, until
from system.harness import Kolla
from system.neutron import CLOSED, MARK, RATE, Neutron, knock, try_forwarded_port, try_limit_and_mark

pytestmark = pytest.mark.long

MTU = 9000
"""Of the physical networks, once they are jumbo."""
GENEVE = 58
"""Bytes that a tunnel adds to a packet, over IPv4."""
TAG = 101
"""Of the subports of trunks."""
VLAN = 123
"""Of the provider network."""
# packet(7)
ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_AUXDATA = 8
AUXDATA = struct.Struct("=IIIHHHH")


@pytest.fixture(scope="module")
def jumbo(cloud: Kolla, demo: Demo) -> Iterator[Kolla]:
    """The cloud with jumbo physical networks and logged packets; afterwards as it was."""
    path = cloud.config_directory / "globals.yml"
    before = path.read_text()
    cloud.set(neutron_global_physnet_mtu=MTU, enable_neutron_packet_logging=True)
    cloud.run("deploy")
    try:
        yield cloud
    finally:
        path.write_text(before)
        cloud.run("deploy")
        assert cloud.plan() == []


@pytest.fixture(scope="module")
def neutron(jumbo: Kolla, demo: Demo) -> Neutron:
    return Neutron(demo.openstack)


def ovn(cloud: Kolla, *words: str) -> str:
    """What ovn-nbctl(8) prints."""
    said = cloud.run("exec", "neutron-server", "cat", "/etc/neutron/plugins/ml2/ml2_conf.ini")
    (database,) = re.findall(r"^ovn_nb_connection *= *(\S+)$", said, re.MULTILINE)
    return cloud.run("exec", "ovn-nb-db", "ovn-nbctl", f"--db={database}", "--bare", *words)


def mtu(login: Login, interface: str) -> int:
    return int(login.run(f"cat /sys/class/net/{interface}/mtu"))


# -- one server ------------------------------------------------------------------------------------


def test_a_port_of_a_floating_ip_leads_to_ssh_of_a_server(neutron: Neutron, demo: Demo) -> None:
    try_forwarded_port(neutron, demo)


def test_a_server_sends_no_faster_than_its_policy_lets_it_and_its_packets_are_marked(
    jumbo: Kolla, neutron: Neutron, demo: Demo
) -> None:
    def is_in_ovn() -> None:
        said = ovn(jumbo, "--columns=action,bandwidth", "list", "QoS").split()
        assert {f"dscp={MARK}", f"rate={RATE}"} <= set(said)

    try_limit_and_mark(neutron, demo, is_in_ovn)


def test_packets_that_a_security_group_drops_are_in_the_log(
    jumbo: Kolla, neutron: Neutron, demo: Demo
) -> None:
    with neutron.made("log/logs", resource_type="security_group", event="ALL", enabled=True) as log:

        def logged() -> set[str]:
            """Verdicts on packets to the closed port and to SSH."""
            knock(demo.login.address, CLOSED)
            knock(demo.login.address, 22)
            lines = jumbo.run("logs", "-n", "1000", "ovn-controller").splitlines()
            own = [line for line in lines if f'name="neutron-{log["id"]}"' in line]
            return {
                f"{verdict} {port}"
                for line in own
                for verdict, port in re.findall(r"verdict=(\w+), .*tp_dst=(\d+)", line)
            }

        until(lambda: logged() >= {f"drop {CLOSED}", "allow 22"}, 60, "both are in the log")


# -- two servers -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """Two servers that share a trunk's network under a tag, one of the project's own, and a VLAN."""

    logins: tuple[Login, Login]
    trunks: tuple[dict[str, Any], dict[str, Any]]
    subports: tuple[dict[str, Any], dict[str, Any]]
    large: dict[str, Any]
    vlan: dict[str, Any]


@pytest.fixture(scope="module")
def pair(neutron: Neutron, demo: Demo) -> Iterator[Pair]:
    first = neutron.port(demo.id)["network_id"]
    older = neutron.openstack.get("network", f"/v2.0/networks/{first}")["network"]["mtu"]
    physical = {
        "provider:network_type": "vlan",
        "provider:physical_network": "physnet1",
        "provider:segmentation_id": VLAN,
    }
    with ExitStack() as stack:
        enter = stack.enter_context
        inside = enter(neutron.network("10.71.0.0/24", name="inside", mtu=older))
        large = enter(neutron.network("10.72.0.0/24", name="large"))
        vlan = enter(neutron.network("10.73.0.0/24", name="vlan", **physical))
        logins, trunks, subports = [], [], []
        for name in ("left", "right"):
            parent = enter(neutron.made("ports", network_id=first))
            address = {"mac_address": parent["mac_address"]}
            sub = enter(neutron.made("ports", network_id=inside["id"], **address))
            tagged = {"port_id": sub["id"], "segmentation_type": "vlan", "segmentation_id": TAG}
            trunk = enter(neutron.made("trunks", port_id=parent["id"], sub_ports=[tagged]))
            networks = [{"port": parent["id"]}, {"uuid": large["id"]}, {"uuid": vlan["id"]}]
            server = neutron.openstack.create_server(name, demo.server, networks=networks)
            stack.callback(neutron.openstack.delete_server, server)
            neutron.openstack.wait_for_server(server)
            floating = enter(
                neutron.made("floatingips", floating_network_id=neutron.outside, port_id=parent["id"])
            )
            logins.append(Login(floating["floating_ip_address"], demo.login.key))
            trunks.append(trunk)
            subports.append(sub)
        for login in logins:
            login.wait(120)
        yield Pair(both(logins), both(trunks), both(subports), large, vlan)


def both(things: list[Any]) -> tuple[Any, Any]:
    one, other = things
    return one, other


def test_a_trunk_carries_another_network_under_its_tag(jumbo: Kolla, neutron: Neutron, pair: Pair) -> None:
    for login, trunk, subport in zip(pair.logins, pair.trunks, pair.subports, strict=True):
        found = neutron.openstack.get("network", f"/v2.0/trunks/{trunk['id']}")["trunk"]
        assert found["status"] == "ACTIVE"
        columns = ("--columns=parent_name,tag", "list", "Logical_Switch_Port", subport["id"])
        assert ovn(jumbo, *columns).split() == [trunk["port_id"], str(TAG)]
        address = subport["fixed_ips"][0]["ip_address"]
        login.run(
            f"modprobe 8021q && ip link add link eth0 name eth0.{TAG} type vlan id {TAG} && "
            f"ip address add {address}/24 dev eth0.{TAG} && ip link set eth0.{TAG} up"
        )
    left, other = pair.logins[0], pair.subports[1]["fixed_ips"][0]["ip_address"]
    until(answers(left, other), 60, "the other server answers over the trunk")


def test_networks_have_what_the_physical_network_carries_and_older_ones_what_it_did(
    neutron: Neutron, demo: Demo, pair: Pair
) -> None:
    left, right = pair.logins
    assert (pair.large["mtu"], pair.vlan["mtu"]) == (MTU - GENEVE, MTU)
    sizes = [mtu(left, f"eth{number}") for number in range(3)]
    assert sizes == [mtu(demo.login, "eth0"), MTU - GENEVE, MTU]
    for number, size in ((1, MTU - GENEVE), (2, MTU)):
        address = right.run(f"ip -4 -o address show dev eth{number}").split()[3].partition("/")[0]
        until(answers(left, address, size - 28), 30, f"packets of {size} bytes reach {address}")


def answers(login: Login, address: str, size: int = 56) -> Callable[[], bool]:
    """Whether there are answers to pings with so many bytes."""

    def asked() -> bool:
        said = login.run(f"ping -c 1 -W 2 -s {size} {address} || true")
        return f"{size + 8} bytes from" in said

    return asked


def test_a_provider_network_leaves_the_host_under_its_vlan(
    jumbo: Kolla, neutron: Neutron, pair: Pair
) -> None:
    ports = neutron.openstack.get("network", f"/v2.0/ports?network_id={pair.vlan['id']}")["ports"]
    servers = {port["mac_address"] for port in ports if port["device_owner"].startswith("compute:")}
    assert len(servers) == 2
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as wire:
        # The physical network's bridge, which ends on this machine; all of its interfaces would be too much.
        wire.bind(("br-ex", ETH_P_ALL))
        wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        wire.settimeout(1)
        # Nobody has that address: the question who has it goes everywhere.
        pair.logins[0].run("ping -c 3 -W 1 10.73.0.250 || true")
        assert VLAN in tags(wire, servers)


def tags(wire: socket.socket, senders: set[str]) -> Iterator[int]:
    """VLANs of frames from these MAC addresses, until nothing is heard or ten seconds are over."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            frame, ancillary, _, _ = wire.recvmsg(65536, socket.CMSG_SPACE(AUXDATA.size))
        except TimeoutError:
            return
        if frame[6:12].hex(":") in senders:
            yield from (AUXDATA.unpack(data[: AUXDATA.size])[5] & 0xFFF for _, _, data in ancillary)
