"""Facts of a host."""

import socket
import struct

from kolla.host import facts
from kolla.state.facts import HostFacts


def test_os_release():
    text = '# comment\nPRETTY_NAME="Debian GNU/Linux 13"\nID=debian\nVERSION_ID="13"\nX=\'a b\'\n\n'
    assert facts.os_release(text) == {
        "PRETTY_NAME": "Debian GNU/Linux 13",
        "ID": "debian",
        "VERSION_ID": "13",
        "X": "a b",
    }


ROUTES = """\
Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
eth1\t00000000\t0100000A\t0003\t0\t0\t200\t00000000\t0\t0\t0
eth0\t00000000\t010011AC\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
"""


def test_default_interface_is_the_one_with_the_lowest_metric():
    assert facts.default_interface(ROUTES) == "eth0"
    assert facts.default_interface(ROUTES.splitlines()[0]) is None


def test_routed_networks_are_those_of_all_but_default_routes():
    assert list(facts.routed_networks(ROUTES)) == [("eth0", "172.17.0.0/16")]


def message(family, scope, index, attributes):
    payload = struct.pack("=BBBBI", family, 24, 0, scope, index)
    for kind, value in attributes:
        payload += struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)
    return struct.pack("=IHHII", 16 + len(payload), facts.RTM_NEWADDR, 0, 1, 0) + payload


def test_addresses_from_netlink():
    local, peer = socket.inet_aton("10.0.0.2"), socket.inet_aton("10.0.0.1")
    six = socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    data = message(socket.AF_INET, 0, 3, [(1, peer), (2, local), (3, b"eth\0")])
    data += message(socket.AF_INET6, 253, 4, [(1, six)])
    assert list(facts.parse_addresses(data)) == [
        (3, socket.AF_INET, 0, "10.0.0.2", "10.0.0.0/24"),
        (4, socket.AF_INET6, 253, "2001:db8::1", "2001:d00::/24"),
    ]


def test_a_kind_of_interface_is_what_the_kernel_says() -> None:
    assert facts.device_type("DEVTYPE=bridge\nINTERFACE=br-ex\nIFINDEX=5\n") == "bridge"
    assert facts.device_type("INTERFACE=br-ex\nIFINDEX=75\n") == ""


def test_of_this_machine():
    found = HostFacts(**facts.gather())
    assert "127.0.0.1" in found.interfaces["lo"].addresses
    assert found.cores > 0
    if found.default_interface:
        assert found.address(found.default_interface)
