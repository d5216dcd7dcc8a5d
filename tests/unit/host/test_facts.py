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


def route6(to, prefix, by, metric, flags, interface):
    """A line of /proc/net/ipv6_route."""
    to, by = (socket.inet_pton(socket.AF_INET6, address).hex() for address in (to, by))
    return f"{to} {prefix:02x} {0:032x} 00 {by} {metric:08x} 00000001 00000000 {flags:08x} {interface:>8}\n"


ROUTES6 = (
    route6("fd00::", 64, "::", 256, 1, "eth0")
    + route6("::", 0, "fd00::fe", 1024, 3, "eth1")
    + route6("::", 0, "fe80::1", 256, 3, "eth0")
    + route6("::", 0, "::", 0xFFFFFFFF, 0x200200, "lo")
)


def test_where_there_is_no_ipv4_route_the_default_interface_is_that_of_ipv6():
    assert facts.default_interface6(ROUTES6) == "eth0"
    assert facts.default_interface6(ROUTES6.splitlines()[-1]) is None
    assert facts.default_interface6("") is None


def message(family, scope, index, attributes, flags=0):
    payload = struct.pack("=BBBBI", family, 24, flags, scope, index)
    for kind, value in attributes:
        payload += struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)
    return struct.pack("=IHHII", 16 + len(payload), facts.RTM_NEWADDR, 0, 1, 0) + payload


def test_addresses_from_netlink():
    local, peer = socket.inet_aton("10.0.0.2"), socket.inet_aton("10.0.0.1")
    six = socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    data = message(socket.AF_INET, 0, 3, [(1, peer), (2, local), (3, b"eth\0")])
    data += message(socket.AF_INET6, 253, 4, [(1, six)], 0x80)
    assert list(facts.parse_addresses(data)) == [
        (3, socket.AF_INET, 0, 0, "10.0.0.2", "10.0.0.0/24"),
        (4, socket.AF_INET6, 253, 0x80, "2001:db8::1", "2001:d00::/24"),
    ]


def test_ipv6_addresses_that_are_to_stay_come_first(monkeypatch):
    def six(text, flags):
        return message(socket.AF_INET6, 0, 1, [(1, socket.inet_pton(socket.AF_INET6, text))], flags)

    # The kernel has the newest first.
    vip, temporary, own = six("fd00::fa", 0xA0), six("fd00::1234", 0x01), six("fd00::1", 0x80)
    link = message(socket.AF_INET6, 253, 1, [(1, socket.inet_pton(socket.AF_INET6, "fe80::1"))])
    monkeypatch.setattr(facts, "_dump_addresses", lambda: vip + temporary + own + link)
    monkeypatch.setattr(facts.socket, "if_nameindex", lambda: [(1, "lo")])
    assert facts.interfaces()["lo"]["addresses6"] == ["fd00::1", "fd00::fa", "fd00::1234"]


def test_a_kind_of_interface_is_what_the_kernel_says() -> None:
    assert facts.device_type("DEVTYPE=bridge\nINTERFACE=br-ex\nIFINDEX=5\n") == "bridge"
    assert facts.device_type("INTERFACE=br-ex\nIFINDEX=75\n") == ""


def test_of_this_machine():
    found = HostFacts(**facts.gather())
    assert "127.0.0.1" in found.interfaces["lo"].addresses
    assert found.interfaces["lo"].mtu == int((facts.DEVICES / "lo/mtu").read_text())
    assert found.cores > 0
    if found.default_interface:
        assert found.interfaces[found.default_interface].networks
