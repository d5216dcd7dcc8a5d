"""SPICE and serial consoles over the load balancer, and a compute host of the size that is said."""

from __future__ import annotations

import struct
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from system.client import Demo, Refused, WebSocket, console, until
from system.multinode import OneHost, one_host

pytestmark = pytest.mark.long

SETTINGS = {
    "nova_console": "spice",
    "enable_nova_serialconsole_proxy": True,
    "nova_cpu_allocation_ratio": 3.5,
    "nova_ram_allocation_ratio": 1,
    "nova_reserved_huge_pages": [{"node": 0, "size": 2048, "count": 1}],
    "nova_pci_aliases": [{"name": "gpu", "vendor_id": "10de", "product_id": "1eb8"}],
}


@pytest.fixture(scope="module")
def one(machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneHost]:
    directory = tmp_path_factory.mktemp("consoles")
    with one_host("consoles", directory, SETTINGS, machine_globals) as one:
        yield one


@pytest.fixture(scope="module")
def demo(one: OneHost) -> Demo:
    demo = Demo.of(one.cloud.config_directory)
    demo.login.wait(120)
    return demo


def address(demo: Demo, protocol: str, kind: str) -> str:
    """The URL that somebody gets who asks for a console."""
    wanted = {"remote_console": {"protocol": protocol, "type": kind}}
    made = demo.openstack.call("POST", "compute", f"/servers/{demo.id}/remote-consoles", wanted)
    return str(made["remote_console"]["url"])


def spice_link(stream: WebSocket) -> int:
    """Begin as a SPICE client does on its main channel; what the server says of it, 0 when it agrees.

    https://www.spice-space.org/spice-protocol.html, "Channel link".
    """
    message = struct.pack("<IBBIII", 0, 1, 0, 0, 0, 18)
    stream.write(b"REDQ" + struct.pack("<III", 2, 2, len(message)) + message)
    assert stream.read(4) == b"REDQ"
    _, _, size = struct.unpack("<III", stream.read(12))
    (error,) = struct.unpack("<I", stream.read(size)[:4])
    return int(error)


def test_a_page_shows_the_screen_by_spice(demo: Demo) -> None:
    url = address(demo, "spice", "spice-html5")
    with urllib.request.urlopen(url, timeout=30) as page:
        assert b"Spice" in page.read()
    with console(url) as stream:
        assert spice_link(stream) == 0
    with pytest.raises(ConnectionError), console(url[:-4] + "0000") as stream:  # not its token
        spice_link(stream)
    with pytest.raises(Refused):
        address(demo, "vnc", "novnc")


def said(stream: WebSocket, expected: bytes, seconds: float) -> bytes:
    """What comes until the expected text does."""
    text, end = b"", time.monotonic() + seconds
    while expected not in text:
        assert time.monotonic() < end, text
        text += stream.read(1)
    return text


def test_the_serial_port_shows_the_login_and_the_log_what_it_said(demo: Demo) -> None:
    with console(address(demo, "serial", "serial")) as stream:
        stream.write(b"\r\n")
        said(stream, b"login: ", 60)
        stream.write(b"somebody\r\n")
        said(stream, b"Password: ", 60)
    log = until(
        lambda: (text := demo.openstack.console_log(demo.id)) and "somebody" in text and text, 60, "the log"
    )
    assert f"READY {demo.name}" in log


def test_a_compute_host_is_as_large_as_is_said(demo: Demo) -> None:
    provider = demo.openstack.one("placement", "/resource_providers")["uuid"]
    inventories = demo.openstack.get("placement", f"/resource_providers/{provider}/inventories")[
        "inventories"
    ]
    ratios = {name: inventories[name]["allocation_ratio"] for name in ("VCPU", "MEMORY_MB")}
    assert ratios == {"VCPU": 3.5, "MEMORY_MB": 1.0}


def test_another_console_takes_the_place_of_the_first(one: OneHost, demo: Demo) -> None:
    one.cloud.set(nova_console="novnc", enable_nova_serialconsole_proxy=False)
    one.cloud.run("deploy")
    assert one.cloud.plan() == []
    demo.openstack.act(demo.id, "reboot", type="HARD")
    demo.openstack.wait_for_server(demo.id)
    with urllib.request.urlopen(address(demo, "vnc", "novnc"), timeout=30) as page:
        assert b"noVNC" in page.read()
    until(lambda: f"READY {demo.name}" in demo.openstack.console_log(demo.id), 120, "its console log")
