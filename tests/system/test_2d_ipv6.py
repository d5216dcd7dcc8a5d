"""A cloud whose services know each other by IPv6 addresses alone, deployed over SSH by IPv4."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from system.harness import Kolla
from system.multinode import HOST, NO_SERVERS, cloud_on
from system.rig import Rig

GROUPS = f"[control]\n{HOST}\n"
OWN, VIP = "fd00:213::11", "fd00:213::fa"

SERVED = {1984, 3306, 5000, 5672, 11211, 25672}
"""Ports of load balancer, database, identity, message bus, cache, and of the message bus' cluster."""

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


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig.running("ipv6", [HOST]) as rig:
        rig.run(
            HOST,
            ["sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=0", "net.ipv6.conf.eth0.disable_ipv6=0"],
        )
        rig.run(HOST, ["ip", "address", "add", f"{OWN}/64", "dev", "eth0", "nodad"])
        yield rig


@pytest.fixture(scope="module")
def six(rig: Rig, machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kolla]:
    """A cloud on the host, deployed."""
    settings = {**NO_SERVERS, "network_address_family": "ipv6", "kolla_internal_vip_address": VIP}
    config = tmp_path_factory.mktemp("ipv6")
    with cloud_on(rig, config, "six", GROUPS, settings, machine_globals) as cloud:
        yield cloud


@pytest.mark.long
def test_services_listen_on_ipv6_addresses_of_the_host_alone(rig: Rig, six: Kolla) -> None:
    places = [line.split()[3].rpartition(":") for line in rig.run(HOST, ["ss", "-Hltn"]).splitlines()]
    listening = {(address, int(port)) for address, _, port in places if int(port) in SERVED}
    assert {port for _, port in listening} == SERVED
    assert {address for address, _ in listening} == {f"[{OWN}]", f"[{VIP}]"}


@pytest.mark.long
def test_a_token_is_got_at_the_vip_and_names_endpoints_that_are_there(rig: Rig, six: Kolla) -> None:
    six.run("post-deploy")
    auth = yaml.safe_load((six.config_directory / "clouds.yaml").read_text())["clouds"]["kolla-admin"]["auth"]
    assert auth["auth_url"].startswith(f"http://[{VIP}]:5000")
    words = ["python3", "-c", TOKEN, f"http://[{VIP}]:5000/v3", auth["username"], auth["password"]]
    assert set(json.loads(rig.run(HOST, words))) == {f"http://[{VIP}]:5000/v3"}


@pytest.mark.long
def test_all_is_well_and_the_vip_is_not_taken_for_the_hosts_own_address(rig: Rig, six: Kolla) -> None:
    assert VIP in rig.run(HOST, ["ip", "-6", "address", "show", "dev", "eth0"])
    assert six.plan() == []
    assert [found for found in six.json("check") if not found["ok"]] == []
