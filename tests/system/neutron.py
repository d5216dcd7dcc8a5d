"""What networks can do, tried on one server, whoever makes the networks."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from system.client import Demo, Login, OpenStack, until

from bench.pings import Pings

RATE = 2000
"""Kilobits a second that a server may send."""
SENT = 2_000_000
"""Bytes it sends: eight seconds at that rate, less than one without."""
MARK = 26
"""Assured forwarding 31 (RFC 2597)."""
CLOSED = 4444
"""A port that no security group lets anybody to."""


@dataclass
class Neutron:
    """The network API."""

    openstack: OpenStack

    @contextmanager
    def made(self, path: str, **wanted: Any) -> Iterator[dict[str, Any]]:
        """A thing of the collection at `path`, for the time of the context."""
        kind = path.rsplit("/", 1)[-1].replace("-", "_")
        kind = "policy" if kind == "policies" else kind.removesuffix("s")
        made: dict[str, Any] = self.openstack.call("POST", "network", f"/v2.0/{path}", {kind: wanted})[kind]
        try:
            yield made
        finally:
            self.openstack.call("DELETE", "network", f"/v2.0/{path}/{made['id']}")

    @contextmanager
    def network(self, cidr: str, **wanted: Any) -> Iterator[dict[str, Any]]:
        """A network with a subnet without a gateway, so that servers on it keep their way out."""
        with self.made("networks", **wanted) as network:
            subnet = {"network_id": network["id"], "ip_version": 4, "cidr": cidr, "gateway_ip": None}
            with self.made("subnets", **subnet):
                yield network

    @contextmanager
    def changed(self, path: str, kind: str, **wanted: Any) -> Iterator[None]:
        """A thing with other values, for the time of the context."""
        before = self.openstack.get("network", f"/v2.0/{path}")[kind]
        self.openstack.call("PUT", "network", f"/v2.0/{path}", {kind: wanted})
        try:
            yield
        finally:
            old = {key: before[key] for key in wanted}
            self.openstack.call("PUT", "network", f"/v2.0/{path}", {kind: old})

    def port(self, server: str) -> dict[str, Any]:
        """The first port of a server."""
        found: dict[str, Any] = self.openstack.get("network", f"/v2.0/ports?device_id={server}")["ports"][0]
        return found

    @property
    def outside(self) -> str:
        """Id of the external network."""
        return str(self.openstack.one("network", "/v2.0/networks?router:external=true")["id"])


def try_forwarded_port(neutron: Neutron, demo: Demo) -> None:
    """A port of a floating IP of nobody's leads to SSH of the server.

    Its own floating IP is taken away meanwhile: neutron forwards to no address that has one.
    """
    port = neutron.port(demo.id)
    own = neutron.openstack.one("network", f"/v2.0/floatingips?port_id={port['id']}")
    with (
        neutron.changed(f"floatingips/{own['id']}", "floatingip", port_id=None),
        neutron.made("floatingips", floating_network_id=neutron.outside) as floating,
    ):
        wanted = {
            "protocol": "tcp",
            "external_port": 2222,
            "internal_port": 22,
            "internal_port_id": port["id"],
            "internal_ip_address": port["fixed_ips"][0]["ip_address"],
        }
        with neutron.made(f"floatingips/{floating['id']}/port_forwardings", **wanted):
            login = Login(floating["floating_ip_address"], demo.login.key, port=2222)
            login.wait()
            assert login.run("hostname").strip() == demo.name
    demo.login.wait()


def try_limit_and_mark(neutron: Neutron, demo: Demo, meanwhile: Callable[[], None] = lambda: None) -> None:
    """The server sends no faster than a policy lets it, and its packets have the policy's mark, until it has
    no policy any more."""
    before = sending(demo.login)
    with neutron.made("qos/policies", name="slow") as policy:
        path = f"qos/policies/{policy['id']}"
        with (
            neutron.made(f"{path}/bandwidth_limit_rules", max_kbps=RATE, direction="egress"),
            neutron.made(f"{path}/dscp_marking_rules", dscp_mark=MARK),
            neutron.changed(f"ports/{neutron.port(demo.id)['id']}", "port", qos_policy_id=policy["id"]),
        ):
            until(lambda: mark(demo.login.address) == MARK, 30, "its packets are marked")
            limited = sending(demo.login)
            meanwhile()
    print(f"{SENT} bytes: {before:.1f} s, at {RATE} kbit/s {limited:.1f} s")
    assert before < 0.5 * SENT * 8 / RATE / 1000 < limited
    until(lambda: mark(demo.login.address) == 0, 30, "they are not marked any more")
    assert sending(demo.login) < limited / 2


def sending(login: Login) -> float:
    """Seconds that a server takes to send, past SSH: emulated processors encipher slower than the limit."""
    with socket.create_server(("", 0)) as server, socket.socket(type=socket.SOCK_DGRAM) as route:
        route.connect((login.address, 9))
        here, port = route.getsockname()[0], server.getsockname()[1]
        begun = time.monotonic()
        with ThreadPoolExecutor() as receiver:
            received = receiver.submit(all_from, server)
            login.run(f"head -c {SENT} /dev/zero | nc {here} {port}", 120)
        assert received.result() == SENT
        return time.monotonic() - begun


def all_from(server: socket.socket) -> int:
    """How many bytes somebody who connects sends."""
    server.settimeout(60)
    client, _ = server.accept()
    with client:
        return sum(map(len, iter(lambda: client.recv(65536), b"")))


def mark(address: str) -> int:
    """The mark (RFC 2474) of a server's answers to pings."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as heard, Pings(address):
        heard.settimeout(5)
        while True:
            packet, (sender, _) = heard.recvfrom(2000)
            if sender == address:
                return packet[1] >> 2


def knock(address: str, port: int) -> None:
    """Try to connect."""
    with socket.socket() as client:
        client.settimeout(0.5)
        client.connect_ex((address, port))
