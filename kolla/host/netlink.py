"""Asking the kernel what it knows of its networks (netlink(7), rtnetlink(7))."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

REQUEST_DUMP = 0x301
NLMSG_DONE = 3
HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")


def dump(kind: int, question: bytes) -> bytes:
    """The kernel's answer to "all of this kind", as netlink messages."""
    answer = b""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as netlink:
        netlink.bind((0, 0))
        netlink.send(HEADER.pack(HEADER.size + len(question), kind, REQUEST_DUMP, 1, 0) + question)
        while True:
            part = netlink.recv(1 << 16)
            answer += part
            if any(kind == NLMSG_DONE for kind, _ in messages(part)):
                return answer


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Netlink messages: type and payload."""
    while len(data) >= HEADER.size:
        length, kind = HEADER.unpack_from(data)[:2]
        yield kind, data[HEADER.size : length]
        data = data[(length + 3) & ~3 :]


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Attributes behind the fixed part of a payload: type and value."""
    while len(data) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data)
        yield kind, data[ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]
