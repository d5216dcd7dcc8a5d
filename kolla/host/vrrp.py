"""Who holds virtual addresses in the networks of this host, and says so (VRRP, RFC 9568 and RFC 3768)."""

from __future__ import annotations

import select
import socket
import struct
from contextlib import ExitStack

from .deadline import Deadline

PROTOCOL = 112
ADVERTISEMENT = 1
GROUPS = {socket.AF_INET: "224.0.0.18", socket.AF_INET6: "ff02::12"}
"""Where those who hold an address tell everybody."""

PATIENCE = 3.5
"""Seconds to listen: they tell it once a second, unless they were told otherwise."""

NUMBER = struct.Struct("=I")
MEMBERSHIP = struct.Struct("=4s4si")
"""ip_mreqn of ip(7)."""


def heard(interface: str, seconds: float = PATIENCE) -> dict[int, set[str]]:
    """Number of a virtual router -> the addresses of who said to everybody in the network of an interface, or
    to this host, that it holds what that router has. OSError when there is no such interface."""
    found: dict[int, set[str]] = {}
    with ExitStack() as stack:
        ears = [stack.enter_context(_listening(family, interface)) for family in _families()]
        deadline = Deadline(seconds)
        while not deadline.passed:
            for ear in select.select(ears, [], [], 0.1)[0]:
                packet, source = ear.recvfrom(1 << 16)
                number = parse(packet if ear.family == socket.AF_INET6 else _without_header(packet))
                if number is not None:
                    found.setdefault(number, set()).add(str(source[0]).partition("%")[0])
    return found


def parse(message: bytes) -> int | None:
    """The number of the virtual router that an advertisement is about; None for anything else."""
    if len(message) < 8 or message[0] & 0xF != ADVERTISEMENT or message[0] >> 4 not in (2, 3):
        return None
    return message[1]


def _without_header(packet: bytes) -> bytes:
    """What an IPv4 packet carries (raw(7): it is read with its header)."""
    return packet[(packet[0] & 0xF) * 4 :] if packet else packet


def _families() -> list[socket.AddressFamily]:
    families = [socket.AF_INET]
    return [*families, socket.AF_INET6] if socket.has_dualstack_ipv6() else families


def _listening(family: socket.AddressFamily, interface: str) -> socket.socket:
    """Part of the group, as switches and network cards may pass on what nobody asked for to nobody."""
    index = socket.if_nametoindex(interface)
    group = socket.inet_pton(family, GROUPS[family])
    ear = socket.socket(family, socket.SOCK_RAW, PROTOCOL)
    try:
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        if family == socket.AF_INET6:
            ear.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + NUMBER.pack(index))
        else:
            ear.setsockopt(
                socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, MEMBERSHIP.pack(group, bytes(4), index)
            )
    except OSError:
        ear.close()
        raise
    return ear
