"""Who else is in the networks of this host."""

import socket
import struct

import pytest

from kolla.host import neighbour, netlink

TABLE = """\
IP address       HW type     Flags       HW address            Mask     Device
10.0.0.1         0x1         0x2         02:42:0a:d5:00:01     *        eth0
10.0.0.25        0x1         0x0         00:00:00:00:00:00     *        eth0
10.0.0.26        0x1         0x6         02:42:0a:d5:00:26     *        eth0
"""


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("10.0.0.1", "02:42:0a:d5:00:01"),
        ("10.0.0.26", "02:42:0a:d5:00:26"),
        ("10.0.0.25", None),
        ("10.0.0.2", None),
    ],
)
def test_whoever_answered_is_in_the_table(address, found):
    assert neighbour.parse(TABLE, address) == found


def neighbour6(address, state, hardware):
    """A netlink message about a neighbour."""
    payload = neighbour.NDMSG.pack(socket.AF_INET6, 0, 0, 2, state, 0, 1)
    for kind, value in ((1, socket.inet_pton(socket.AF_INET6, address)), (2, bytes.fromhex(hardware))):
        if value:
            payload += struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)
    return netlink.HEADER.pack(16 + len(payload), neighbour.RTM_NEWNEIGH, 2, 1, 0) + payload


TABLE6 = (
    neighbour6("fd00::1", 0x02, "0242ac110001")
    + neighbour6("fd00::2", 0x04, "0242ac110002")
    + neighbour6("fd00::3", 0x20, "")
    + neighbour6("fd00::4", 0x40, "333300000001")
    + netlink.HEADER.pack(16, netlink.NLMSG_DONE, 2, 1, 0)
)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("fd00::1", "02:42:ac:11:00:01"),
        ("fd00::0:2", "02:42:ac:11:00:02"),
        ("fd00::3", None),
        ("fd00::4", None),
        ("fd00::5", None),
    ],
)
def test_of_ipv6_whoever_answered_is_known_to_the_kernel(address, found):
    assert neighbour.parse6(TABLE6, address) == found


def test_an_address_that_nobody_has_is_nobodys():
    # Reserved for documentation, so nobody of this machine's networks has them (RFC 5737, 3849).
    assert neighbour.answers("192.0.2.250") is None
    assert neighbour.answers("2001:db8::1") is None
