"""Processes and the sockets they hold, read from /proc (proc(5)).

Imports little: every health check pays for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

ESTABLISHED = "01"
LISTEN = "0A"


def find(name: str | None) -> Iterator[int]:
    """Ids of the processes called `name`, or of all when it is None; this process is none of them.

    Called so is a process whose `comm` it is, or the file name of its program or, when an
    interpreter runs a script, of the script; or whose title, which it gave itself, begins so
    (`name: what it does`), or has its command line in it: alone, or behind what it does (`name: worker
    (/usr/bin/python3 /usr/bin/script)`).
    """
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid() and (name is None or _is_called(name, int(entry))):
            yield int(entry)


def _is_called(name: str, pid: int) -> bool:
    # The kernel keeps 15 characters of a `comm` (proc(5)).
    return bool({name, name[:15]} & _names(pid))


def _names(pid: int) -> set[str]:
    try:
        with open(f"/proc/{pid}/comm") as file:
            names = {file.read().rstrip("\n")}
        with open(f"/proc/{pid}/cmdline") as file:
            arguments = file.read().rstrip("\0").split("\0")
    except OSError:  # it has ended
        return set()
    titles = {arguments[0].partition(":")[0]}
    if len(arguments) == 1:
        command = arguments[0].partition(" (")[2].rstrip(")") or arguments[0]
        arguments = command.split(" ")
    return names | titles | {os.path.basename(argument) for argument in arguments[:2] if argument}


def held_inodes(pid: int) -> set[str]:
    """Inodes of the sockets that a process has open; none when it has ended or may not be looked at."""
    inodes = set()
    with _Disguise(pid):
        try:
            descriptors = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            return set()
        for descriptor in descriptors:
            try:
                target = os.readlink(f"/proc/{pid}/fd/{descriptor}")
            except OSError:  # closed since
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    return inodes


class _Disguise:
    """Within the block, be the user and group of a process.

    Without CAP_SYS_PTRACE even root may look into /proc/PID/fd only as the process' own user
    (ptrace(2), "Ptrace access mode checking").
    """

    def __init__(self, pid: int) -> None:
        try:
            status = os.stat(f"/proc/{pid}")
            self._ids = status.st_uid, status.st_gid
        except OSError:
            self._ids = 0, 0
        self._needed = os.geteuid() == 0 and self._ids[0] != 0

    def __enter__(self) -> None:
        if self._needed:
            os.setegid(self._ids[1])
            os.seteuid(self._ids[0])

    def __exit__(self, *exception: object) -> None:
        if self._needed:
            os.seteuid(0)
            os.setegid(0)


def listening_inodes(port: int) -> set[str]:
    """Inodes of the TCP sockets (IPv4 and IPv6) that listen on `port`."""
    return {inode for local, _, state, inode in _tcp_sockets() if state == LISTEN and local == port}


def connected_inodes(port: int) -> set[str]:
    """Inodes of the TCP sockets with an established connection to `port` of the other side."""
    return {inode for _, remote, state, inode in _tcp_sockets() if state == ESTABLISHED and remote == port}


def _tcp_sockets() -> Iterator[tuple[int, int, str, str]]:
    """Local port, remote port, state, inode."""
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(path) as file:
                lines = file.readlines()[1:]
        except FileNotFoundError:  # IPv6 switched off
            continue
        for line in lines:
            fields = line.split()
            local, remote = (int(address.rpartition(":")[2], 16) for address in fields[1:3])
            yield local, remote, fields[3], fields[9]


def unix_inodes(path: str) -> set[str]:
    """Inodes of the unix sockets bound to `path`."""
    with open("/proc/net/unix") as file:
        lines = [line.rstrip("\n").split(maxsplit=7) for line in file]
    return {fields[6] for fields in lines if len(fields) == 8 and fields[7] == path}
