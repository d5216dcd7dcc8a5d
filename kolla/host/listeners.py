"""Who listens on which TCP port of this host, from proc(5)."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LISTEN = "0A"
ACCEPTS = 0x10000
"""The flag of a Unix socket that somebody listens on (__SO_ACCEPTCON of net.h)."""


@dataclass(frozen=True)
class Listener:
    """A listening socket."""

    address: str
    port: int
    inode: str


def listening() -> list[Listener]:
    """Every listening TCP socket of this network namespace."""
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if Path(table).exists():
            found += parse(Path(table).read_text())
    return found


def listening_at(path: str) -> list[str]:
    """The inodes of Unix sockets of this network namespace that are listened on at a path."""
    wanted = os.path.realpath(path)
    table = Path("/proc/net/unix").read_text()
    return [inode for name, inode in parse_unix(table) if os.path.realpath(name) == wanted]


def parse_unix(table: str) -> list[tuple[str, str]]:
    """Path and inode of the listening sockets in the text of /proc/net/unix."""
    rows = [line.split(maxsplit=7) for line in table.splitlines()[1:]]
    return [
        (row[7], row[6])
        for row in rows
        if len(row) > 7 and int(row[3], 16) & ACCEPTS and row[7].startswith("/")
    ]


def parse(table: str) -> list[Listener]:
    """The listening sockets in the text of /proc/net/tcp or tcp6."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return [
        Listener(_address(row[1].split(":")[0]), int(row[1].split(":")[1], 16), row[9])
        for row in rows
        if row[3] == LISTEN
    ]


def conflicts(address: str, port: int, listeners: list[Listener]) -> list[Listener]:
    """Those that keep somebody else from listening on address and port."""
    return [
        each
        for each in listeners
        if each.port == port
        and (each.address == address or _covers(each.address, address) or _covers(address, each.address))
    ]


def _covers(everywhere: str, address: str) -> bool:
    """Whether whoever listens on the one has connections to the other: `::` is IPv4's addresses as well,
    unless a program says otherwise (IPV6_V6ONLY of ipv6(7), which nobody else can see)."""
    return everywhere == "::" or (everywhere == "0.0.0.0" and ":" not in address)


def place(address: str, port: int) -> str:
    """Both, as people write them: `10.0.0.1:80`, `[fd00::1]:80`."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def owner(inode: str) -> int | None:
    """Pid of a process that has the socket open, None when it is no process of ours to see."""
    for pid, name in _open_files():
        if name == f"socket:[{inode}]":
            return pid
    return None


def _open_files() -> Iterator[tuple[int, str]]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            handles = list((process / "fd").iterdir())
        except OSError:
            continue
        for handle in handles:
            try:
                yield int(process.name), os.readlink(handle)
            except OSError:
                # It was closed while we were looking.
                continue


def _address(hexadecimal: str) -> str:
    """An address as the kernel prints it: groups of four bytes in the machine's byte order."""
    raw = bytes.fromhex(hexadecimal)
    if sys.byteorder == "little":
        raw = b"".join(raw[i : i + 4][::-1] for i in range(0, len(raw), 4))
    address = ipaddress.ip_address(raw)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
