"""Three controllers whose services know each other by IPv6 alone, behind firewalls; SSH has IPv4."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from system.client import until
from system.harness import Kolla
from system.multinode import NO_SERVERS, cloud_on
from system.rig import Rig

pytestmark = pytest.mark.long

HOSTS = ("node1", "node2", "node3")
GROUPS = "[control]\n" + "\n".join(HOSTS) + "\n"
VIP = "fd00:213::fa"
STRANGER = "fd00:214::1"
"""An address of a network that no host has its own in."""

SERVED = {1984, 3306, 4567, 5000, 5672, 11211, 25672}
"""Ports of load balancer, database, its cluster, identity, message bus, cache, and of the bus' cluster."""

UNIT = """\
[Unit]
Before=docker.service ssh.service
[Service]
Type=oneshot
ExecStart=sysctl -q -w net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.eth0.disable_ipv6=0
ExecStart=ip address replace {address}/64 dev eth0 nodad
[Install]
WantedBy=multi-user.target
"""
"""A host has its address before anything of the cloud begins, at every boot."""

TOKEN = """\
import json, sys, urllib.request
url, name, password = sys.argv[1:]
domain = {"id": "default"}
user = {"name": name, "domain": domain, "password": password}
identity = {"methods": ["password"], "password": {"user": user}}
body = {"auth": {"identity": identity, "scope": {"project": {"name": "admin", "domain": domain}}}}
kind = {"Content-Type": "application/json"}
request = urllib.request.Request(f"{url}/auth/tokens", json.dumps(body).encode(), kind)
with urllib.request.urlopen(request, timeout=60) as answer:
    catalog = json.load(answer)["token"]["catalog"]
print(json.dumps([endpoint["url"] for service in catalog for endpoint in service["endpoints"]]))
"""
"""Prints the endpoints that a token for the administrator comes with."""

KNOCK = """\
import socket, sys
source, address, port = sys.argv[1:]
try:
    socket.create_connection((address, int(port)), timeout=3, source_address=(source, 0)).close()
except OSError as error:
    print(type(error).__name__)
else:
    print("open")
"""


def own(host: str) -> str:
    return f"fd00:213::{11 + HOSTS.index(host)}"


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig.running("ipv6", HOSTS) as rig:
        for host in HOSTS:
            unit = shlex.quote(UNIT.format(address=own(host)))
            rig.run(host, ["sh", "-c", f"printf %s {unit} >/etc/systemd/system/address.service"])
            rig.run(host, ["systemctl", "enable", "--quiet", "--now", "address.service"])
        yield rig


@pytest.fixture(scope="module")
def six(rig: Rig, machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kolla]:
    """A cloud on the hosts, deployed."""
    settings = {
        **NO_SERVERS,
        "network_address_family": "ipv6",
        "kolla_internal_vip_address": VIP,
        "host_firewall": True,
    }
    config = tmp_path_factory.mktemp("ipv6")
    with cloud_on(rig, config, "six", GROUPS, settings, machine_globals) as cloud:
        cloud.run("post-deploy")
        yield cloud


def endpoints(rig: Rig, six: Kolla, host: str) -> set[str]:
    """What a token has that a host asks for at the VIP. RuntimeError without one."""
    auth = yaml.safe_load((six.config_directory / "clouds.yaml").read_text())["clouds"]["kolla-admin"]["auth"]
    assert auth["auth_url"].startswith(f"http://[{VIP}]:5000")
    words = ["python3", "-c", TOKEN, f"http://[{VIP}]:5000/v3", auth["username"], auth["password"]]
    return set(json.loads(rig.run(host, words)))


def served(rig: Rig, six: Kolla, host: str) -> bool:
    try:
        return bool(endpoints(rig, six, host))
    except RuntimeError:
        return False


def holders(rig: Rig) -> list[str]:
    """The hosts that have the VIP."""
    show = ["ip", "-6", "-o", "address", "show", "dev", "eth0"]
    return [host for host in HOSTS if f" {VIP}/" in rig.run(host, show)]


def well(six: Kolla) -> bool:
    return subprocess.run(six.arguments("check"), capture_output=True).returncode == 0


def test_services_listen_on_ipv6_addresses_of_the_host_alone(rig: Rig, six: Kolla) -> None:
    for host in HOSTS:
        places = [line.split()[3].rpartition(":") for line in rig.run(host, ["ss", "-Hltn"]).splitlines()]
        listening = {(address, int(port)) for address, _, port in places if int(port) in SERVED}
        assert {port for _, port in listening} == SERVED
        assert {address for address, _ in listening} == {f"[{own(host)}]", f"[{VIP}]"}


def test_every_host_gets_a_token_at_the_vip_that_names_endpoints_that_are_there(rig: Rig, six: Kolla) -> None:
    for host in HOSTS:
        assert endpoints(rig, six, host) == {f"http://[{VIP}]:5000/v3"}


def test_the_firewall_lets_in_hosts_of_the_network_and_nobody_else(rig: Rig, six: Kolla) -> None:
    first, second = HOSTS[:2]
    rig.run(second, ["ip", "address", "add", f"{STRANGER}/64", "dev", "eth0", "nodad"])
    for host in (first, second):
        rig.run(host, ["ip", "-6", "route", "replace", "fd00:214::/64", "dev", "eth0"])

    def knock(source: str, port: int) -> str:
        return rig.run(second, ["python3", "-c", KNOCK, source, own(first), str(port)]).strip()

    for port in sorted(SERVED):
        assert knock(own(second), port) == "open", port
        assert knock(STRANGER, port) == "TimeoutError", port
    assert knock(STRANGER, 22) == "open"  # none of the cloud's
    rig.run(second, ["ip", "address", "del", f"{STRANGER}/64", "dev", "eth0"])


def test_all_is_well_and_the_vip_is_not_taken_for_a_hosts_own_address(rig: Rig, six: Kolla) -> None:
    assert len(holders(rig)) == 1
    assert six.plan() == []
    six.run("check")


def test_without_the_host_that_has_the_vip_the_others_serve_and_it_comes_back(rig: Rig, six: Kolla) -> None:
    (lost,) = holders(rig)
    rest = [host for host in HOSTS if host != lost]
    rig.kill(lost)
    until(lambda: served(rig, six, rest[0]), 60, "the others serve")
    rig.start(lost)
    until(lambda: well(six), 180, "all is well again")
    assert len(holders(rig)) == 1
    six.run("deploy")
    assert six.plan() == []
