"""keepalived: what it is told, and how it finds out whether the load balancer of its host answers."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .scripts import SERVICES
from .test_templates import ADDRESS, AWKWARD, render

PROGRAM = SERVICES / "haproxy" / "image" / "kolla_keepalived_proxy"
MOVED = SERVICES / "haproxy" / "image" / "kolla_keepalived_moved"
ADDRESSES = {"one.example": ADDRESS, "two.example": "10.0.0.6", "three.example": "10.0.0.7"}


def configuration(*hosts: str, vip: str = "10.0.0.250", external: str = "", **scope: Any) -> list[str]:
    values: dict[str, Any] = {
        "groups": {"haproxy": list(hosts)},
        "api_addresses": {host: ADDRESSES[host] for host in hosts},
        "hostname": "one",
        "api_interface": "eth0",
        "kolla_internal_vip_address": vip,
        "kolla_external_vip_address": external or vip,
        "kolla_external_vip_interface": "eth9",
        **scope,
    }
    return [line.strip() for line in render("haproxy", "keepalived.conf.j2", **values).splitlines()]


def block(lines: list[str], name: str) -> list[str]:
    """What is in a block without blocks."""
    begin = lines.index(f"{name} {{")
    return lines[begin + 1 : lines.index("}", begin)]


def test_hosts_speak_to_each_other_alone_and_earlier_ones_come_first() -> None:
    lines = configuration(*ADDRESSES)
    assert f"unicast_src_ip {ADDRESS}" in lines
    assert block(lines, "unicast_peer") == ["10.0.0.6", "10.0.0.7"]
    second = configuration(*ADDRESSES, inventory_hostname="two.example", api_address="10.0.0.6")
    assert block(second, "unicast_peer") == [ADDRESS, "10.0.0.7"]
    assert ("priority 250" in lines, "priority 249" in second) == (True, True)
    assert block(lines, "virtual_ipaddress") == ["10.0.0.250 dev eth0"]
    assert block(lines, "track_script") == ["proxy"]
    assert "virtual_router_id 51" in lines


def test_a_move_of_the_addresses_ends_connections_that_cannot_go_on() -> None:
    moved = "/usr/local/bin/kolla_keepalived_moved"
    told = [line for line in configuration(*ADDRESSES, external="192.0.2.1") if line.startswith("notify_")]
    assert told == [
        f'notify_master "{moved} here 10.0.0.250 192.0.2.1"',
        *(f'notify_{state} "{moved} gone 10.0.0.250 192.0.2.1"' for state in ("backup", "fault", "stop")),
    ]
    assert f'notify_stop "{moved} gone 10.0.0.250"' in configuration(*ADDRESSES)


@pytest.mark.parametrize(
    ("where", "own"),
    [("gone", "src"), ("here", "not src")],
)
def test_of_a_move_connections_of_the_hosts_own_are_ended(tmp_path: Path, where: str, own: str) -> None:
    fake = tmp_path / "ss"
    fake.write_text('#!/bin/bash\nprintf "%s\\n" "${@: -1}"\n')
    fake.chmod(0o755)
    done = subprocess.run(
        [MOVED, where, "10.0.0.250", "fd00::fa"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        f"dst 10.0.0.250 and {own} 10.0.0.250",
        f"dst [fd00::fa] and {own} [fd00::fa]",
    ]


def test_who_is_alone_has_nobody_to_speak_to() -> None:
    assert not any("unicast" in line for line in configuration("one.example"))


def test_the_external_address_goes_with_the_internal_one() -> None:
    lines = configuration(*ADDRESSES, external="192.0.2.1")
    assert block(lines, "virtual_ipaddress_excluded") == ["192.0.2.1 dev eth9"]
    assert "virtual_ipaddress_excluded {" not in configuration(*ADDRESSES)


def test_a_password_is_as_long_as_the_protocol_allows() -> None:
    assert block(configuration(*ADDRESSES), "authentication") == [
        "auth_type PASS",
        f"auth_pass {AWKWARD.reveal()[:8]}",
    ]
    # IPv6 is VRRP version 3, which has none (RFC 5798).
    assert "authentication {" not in configuration(*ADDRESSES, vip="fd00::250")


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server on a port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def status(port: int) -> int:
    return subprocess.run([PROGRAM, "127.0.0.1", str(port)], timeout=30).returncode


@pytest.mark.parametrize(("said", "found"), [("200 OK", 0), ("503 Service Unavailable", 1)])
def test_a_proxy_is_well_when_it_says_so(said: str, found: int) -> None:
    def answer(connection: socket.socket) -> None:
        assert connection.recv(1000).startswith(b"GET /health HTTP/1.0\r\n")
        connection.sendall(f"HTTP/1.0 {said}\r\n\r\n".encode())

    with answering(answer) as port:
        assert status(port) == found


def test_a_proxy_that_is_silent_or_not_there_is_not_well() -> None:
    with answering(lambda connection: connection.recv(1000) and connection.recv(1000) and None) as port:
        assert status(port) == 1  # it gives up, the server waits for the end of the connection
    assert status(port) == 1
