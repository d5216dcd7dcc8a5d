"""A server on each of two hosts, and what goes from the one to the other."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from system.client import Login, OpenStack, until
from system.harness import Kolla
from system.rig import Rig

HOSTS = ("node1", "node2")
HEADERS = 28
"""Bytes of an IPv4 and an ICMP header."""
SIZE = 300_000
"""Bytes sent through a tunnel: many segments, and more than anything else at the time."""


@dataclass(frozen=True)
class Server:
    """A server, and how to log in to it from outside."""

    id: str
    name: str
    fixed: str
    """Its address in the project's network."""
    login: Login


def pair(cloud: Kolla, openstack: OpenStack) -> Mapping[str, Server]:
    """Host -> the server there: the one of init-runonce, and one like it on the other host."""
    return {
        host: _reached(cloud, openstack, openstack.server(server)) for host, server in ids(openstack).items()
    }


def ids(openstack: OpenStack) -> Mapping[str, str]:
    """Host -> id of the server there, of which the second is made; both run."""
    first = openstack.server("demo1")
    here = first["OS-EXT-SRV-ATTR:host"]
    (other,) = {*HOSTS} - {here}
    second = openstack.create_server("other", first, host=other)
    openstack.wait_for_server(second)
    return {here: first["id"], other: second}


def _reached(cloud: Kolla, openstack: OpenStack, server: Mapping[str, Any]) -> Server:
    """With a floating IP, once somebody can log in by it."""
    (port,) = openstack.get("network", f"/v2.0/ports?device_id={server['id']}")["ports"]
    given = openstack.get("network", f"/v2.0/floatingips?port_id={port['id']}")["floatingips"]
    if not given:
        network = openstack.one("network", "/v2.0/networks?router:external=true")["id"]
        wanted = {"floating_network_id": network, "port_id": port["id"]}
        given = [openstack.call("POST", "network", "/v2.0/floatingips", {"floatingip": wanted})["floatingip"]]
    login = Login(given[0]["floating_ip_address"], cloud.config_directory / "demo_key")
    login.wait()
    return Server(server["id"], server["name"], port["fixed_ips"][0]["ip_address"], login)


def log_in_through(first: Server, fixed: str, command: str) -> str:
    """What a command prints on the server with that address in the project's network, from the first."""
    done = _through(first, fixed, command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_through(first: Server, fixed: str) -> None:
    """Until the first can log in to the one with that address."""
    until(lambda: _through(first, fixed, "true").returncode == 0, 120, f"SSH to {fixed}")


def _through(first: Server, fixed: str, command: str) -> subprocess.CompletedProcess[str]:
    unknown = ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null"]
    ssh = ["ssh", "-q", "-F", "/dev/null", "-i", str(first.login.key), *unknown]
    jump = " ".join([*ssh, "-W", "%h:%p", f"root@{first.login.address}"])
    words = [*ssh, "-o", f"ProxyCommand={jump}", f"root@{fixed}", command]
    return subprocess.run(words, capture_output=True, text=True, timeout=120)


def try_tunnel(rig: Rig, servers: Mapping[str, Server]) -> None:
    """Each server logs in to the other, and what that sends comes by the interface for tunnels."""
    for first, second in _ways():
        before = _received(rig, first)
        name = log_in_through(servers[first], servers[second].fixed, "hostname").strip()
        assert name == servers[second].name
        sent = log_in_through(servers[first], servers[second].fixed, f"head -c {SIZE} /dev/zero | tr '\\0' x")
        assert sent == "x" * SIZE
        assert _received(rig, first) - before > SIZE


def try_largest_packet(openstack: OpenStack, servers: Mapping[str, Server]) -> None:
    """A packet as large as the project's network says arrives whole."""
    mtu = openstack.one("network", "/v2.0/networks?name=demo-net")["mtu"]
    for first, second in _ways():
        login = servers[first].login
        assert login.run("cat /sys/class/net/eth0/mtu").strip() == str(mtu)
        login.run(f"ping -c 3 -W 5 -s {mtu - HEADERS} {servers[second].fixed}")


def _ways() -> Sequence[tuple[str, str]]:
    first, second = HOSTS
    return (first, second), (second, first)


def _received(rig: Rig, host: str) -> int:
    """Bytes that came in by the interface for tunnels of a host."""
    return int(rig.run(host, ["cat", "/sys/class/net/eth1/statistics/rx_bytes"]))
