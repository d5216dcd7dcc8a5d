"""Who else is in the networks of this host."""

from __future__ import annotations

import socket
import struct
import time
from pathlib import Path

from . import netlink
from .deadline import Deadline

TABLE = Path("/proc/net/arp")
DISCARD = 9
"""A port nobody listens on: what is to be answered is who has the address (RFC 863; 826, 4861)."""

# rtnetlink(7)
RTM_GETNEIGH = 30
RTM_NEWNEIGH = 28
NDA_DST = 1
NDA_LLADDR = 2
NDMSG = struct.Struct("=BBHiHBB")
ANSWERED = 0x02 | 0x04 | 0x08 | 0x10
"""States of who did answer, now or a while ago (NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE)."""
PATIENCE = 1.5
"""Seconds an answer may take; the kernel asks once a second."""
PAUSE = 0.1


def answers(address: str) -> str | None:
    """The hardware address of whoever has an address in a network of this host, None when nobody says so."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        question = socket.socket(family, socket.SOCK_DGRAM)
    except OSError:
        return None  # this kernel does not have the family
    with question:
        try:
            question.sendto(b"", (address, DISCARD))
        except OSError:
            return None  # there is no way to it, so nobody answers
    deadline = Deadline(PATIENCE)
    while not deadline.passed:
        found = _known6(address) if family == socket.AF_INET6 else parse(TABLE.read_text(), address)
        if found is not None:
            return found
        time.sleep(PAUSE)
    return None


def _known6(address: str) -> str | None:
    question = NDMSG.pack(socket.AF_INET6, 0, 0, 0, 0, 0, 0)
    return parse6(netlink.dump(RTM_GETNEIGH, question), address)


def parse6(answer: bytes, address: str) -> str | None:
    """The hardware address of an IPv6 address in the kernel's table, from netlink messages."""
    wanted = socket.inet_pton(socket.AF_INET6, address)
    for kind, payload in netlink.messages(answer):
        if kind != RTM_NEWNEIGH:
            continue
        state = NDMSG.unpack_from(payload)[4]
        found = dict(netlink.attributes(payload[NDMSG.size :]))
        if found.get(NDA_DST) == wanted and state & ANSWERED and NDA_LLADDR in found:
            return found[NDA_LLADDR].hex(":")
    return None


def parse(table: str, address: str) -> str | None:
    """The hardware address of an IPv4 address in the kernel's table (proc(5), /proc/net/arp)."""
    for line in table.splitlines()[1:]:
        ip, _, flags, hardware, *_ = line.split()
        if ip == address and int(flags, 16) & 0x2:  # ATF_COM: it did answer
            return hardware
    return None
