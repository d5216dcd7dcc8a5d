"""What is true of this host whatever we do to it, from the kernel and os-release(5)."""

from __future__ import annotations

import ipaddress
import os
import platform
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from . import netlink
from .shapes import Json

# rtnetlink(7)
RTM_GETADDR = 22
RTM_NEWADDR = 20
IFA_ADDRESS = 1
IFA_LOCAL = 2
RT_SCOPE_UNIVERSE = 0
PASSING = 0x01 | 0x20
"""Flags of IPv6 addresses that are not to stay: of temporary ones (RFC 8981), and of deprecated ones, as an
address is that keepalived moves between hosts (IFA_F_TEMPORARY, IFA_F_DEPRECATED)."""
IFADDRMSG = struct.Struct("=BBBBI")


ROUTES = Path("/proc/net/route")
ROUTES6 = Path("/proc/net/ipv6_route")
RTF_UP = 1
RTF_REJECT = 0x200
DEVICES = Path("/sys/class/net")
IFF_UP = 1
"""netdevice(7)."""


def gather() -> Json:
    """The HostFacts of this host, but for `kernel_modules`."""
    release = os_release(Path("/etc/os-release").read_text())
    return {
        "hostname": socket.gethostname(),
        "distribution": release.get("ID", "unknown"),
        "distribution_version": release.get("VERSION_ID", ""),
        "architecture": platform.machine(),
        "cores": os.cpu_count() or 1,
        "memory": memory(),
        "interfaces": interfaces(),
        "default_interface": default_interface(ROUTES.read_text()) or _default_interface6(),
    }


def os_release(text: str) -> dict[str, str]:
    """The variables of an os-release(5) file."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and line[0] != "#")
    return {name: value.strip().strip("\"'") for name, _, value in pairs}


def memory() -> int:
    """Bytes of memory of the host."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def default_interface(routes: str) -> str | None:
    """The interface of the IPv4 default route with the lowest metric, from /proc/net/route's text."""
    lines = [line.split() for line in routes.splitlines()[1:]]
    defaults = [(int(line[6]), line[0]) for line in lines if line[1] == "00000000" and line[7] == "00000000"]
    return min(defaults)[1] if defaults else None


def _default_interface6() -> str | None:
    return default_interface6(ROUTES6.read_text()) if ROUTES6.exists() else None


def default_interface6(routes: str) -> str | None:
    """The interface of the IPv6 default route with the lowest metric, from the text of /proc/net/ipv6_route
    (net/ipv6/route.c: in hexadecimal destination, its prefix, ..., metric, ..., flags; the interface)."""
    lines = [line.split() for line in routes.splitlines()]
    defaults = [
        (int(line[5], 16), line[9])
        for line in lines
        if int(line[0], 16) == 0 and line[1] == "00" and int(line[8], 16) & (RTF_UP | RTF_REJECT) == RTF_UP
    ]
    return min(defaults)[1] if defaults else None


def routed_networks(routes: str) -> Iterator[tuple[str, str]]:
    """Interface and network of every route but the default ones, from /proc/net/route's text."""
    for line in routes.splitlines()[1:]:
        fields = line.split()
        # Eight hexadecimal digits: four bytes in the machine's order.
        network, mask = (struct.pack("=I", int(fields[column], 16)) for column in (1, 7))
        if any(mask):
            yield fields[0], str(ipaddress.ip_network((network, sum(bin(byte).count("1") for byte in mask))))


def interfaces() -> dict[str, Json]:
    """Interface -> its IPv4 and its global IPv6 addresses in the kernel's order (of the latter, those that
    are to stay first), its networks, whether it is up, its master, its MTU, its kind."""
    names = dict(socket.if_nameindex())
    found = {name: _interface(DEVICES / name) for name in sorted(names.values())}
    known = sorted(parse_addresses(_dump_addresses()), key=_is_passing)
    for index, family, scope, _, address, network in known:
        name = names.get(index)
        if name is None or (family == socket.AF_INET6 and scope != RT_SCOPE_UNIVERSE):
            continue
        found[name]["addresses" if family == socket.AF_INET else "addresses6"].append(address)
        found[name]["networks"].append(network)
    for name, network in routed_networks(ROUTES.read_text()):
        if name in found:
            found[name]["networks"].append(network)
    for interface in found.values():
        interface["networks"] = sorted(set(interface["networks"]))
    return found


def _is_passing(found: tuple[int, int, int, int, str, str]) -> bool:
    _, family, _, flags, _, _ = found
    return family == socket.AF_INET6 and bool(flags & PASSING)


def _interface(device: Path) -> Json:
    """What sysfs says of an interface; it may be gone by now."""
    try:
        up = bool(int((device / "flags").read_text(), 16) & IFF_UP)
        master = (device / "master").resolve().name if (device / "master").is_symlink() else None
        mtu = int((device / "mtu").read_text())
        kind = device_type((device / "uevent").read_text())
    except OSError:
        up, master, mtu, kind = False, None, None, ""
    lists: Json = {"addresses": [], "addresses6": [], "networks": []}
    return {**lists, "up": up, "master": master, "mtu": mtu, "kind": kind}


def device_type(uevent: str) -> str:
    """What the kernel says an interface is, from the text of its uevent file; empty when it does not."""
    pairs = (line.partition("=") for line in uevent.splitlines())
    return next((value for name, _, value in pairs if name == "DEVTYPE"), "")


def _dump_addresses() -> bytes:
    """The kernel's answer to "all addresses", as netlink messages."""
    return netlink.dump(RTM_GETADDR, IFADDRMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0))


def parse_addresses(data: bytes) -> Iterator[tuple[int, int, int, int, str, str]]:
    """Interface index, family, scope, flags, address and network of every address in netlink messages."""
    for kind, payload in netlink.messages(data):
        if kind != RTM_NEWADDR:
            continue
        family, length, flags, scope, index = IFADDRMSG.unpack_from(payload)
        if family not in (socket.AF_INET, socket.AF_INET6):
            continue
        attributes = dict(netlink.attributes(payload[IFADDRMSG.size :]))
        # On a point-to-point link IFA_ADDRESS is the other end; IFA_LOCAL is always ours.
        raw = attributes.get(IFA_LOCAL) or attributes[IFA_ADDRESS]
        network = ipaddress.ip_network((attributes[IFA_ADDRESS], length), strict=False)
        yield index, family, scope, flags, socket.inet_ntop(family, raw), str(network)
