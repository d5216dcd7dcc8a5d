"""Who else is in the networks of this host."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from .deadline import Deadline

TABLE = Path("/proc/net/arp")
DISCARD = 9
"""A port nobody listens on: it is the question who has the address that is to be answered (RFC 863, 826)."""
PATIENCE = 1.5
"""Seconds an answer may take; the kernel asks once a second."""
PAUSE = 0.1


def answers(address: str) -> str | None:
    """The hardware address of whoever has an IPv4 address in a network of this host, None when nobody says
    so. Of IPv6 addresses nothing is known."""
    if ":" in address:
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as question:
        try:
            question.sendto(b"", (address, DISCARD))
        except OSError:
            return None  # there is no way to it, so nobody answers
    deadline = Deadline(PATIENCE)
    while not deadline.passed:
        found = parse(TABLE.read_text(), address)
        if found is not None:
            return found
        time.sleep(PAUSE)
    return None


def parse(table: str, address: str) -> str | None:
    """The hardware address of an IPv4 address in the kernel's table (proc(5), /proc/net/arp)."""
    for line in table.splitlines()[1:]:
        ip, _, flags, hardware, *_ = line.split()
        if ip == address and int(flags, 16) & 0x2:  # ATF_COM: it did answer
            return hardware
    return None
