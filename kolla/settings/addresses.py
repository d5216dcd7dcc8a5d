"""What expressions may ask about addresses: which lie within others, and how others write them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any, NamedTuple


class Bounds(NamedTuple):
    """IP version, first and last address as numbers."""

    version: int
    first: int
    last: int


def bounds(text: Any) -> Bounds | None:
    """Of an address (with a prefix: of the address), a network, or a range `10.0.2.150-10.0.2.199`; None of
    anything else."""
    if not isinstance(text, str):
        return None
    first, dash, last = (part.strip() for part in text.partition("-"))
    try:
        if dash:
            low, high = ipaddress.ip_address(first), ipaddress.ip_address(last)
            in_order = low.version == high.version and int(low) <= int(high)
            return Bounds(low.version, int(low), int(high)) if in_order else None
        interface = ipaddress.ip_interface(first)
    except ValueError:
        return None
    network = interface.network
    if interface.ip != network.network_address:
        return Bounds(interface.version, int(interface.ip), int(interface.ip))
    return Bounds(network.version, int(network[0]), int(network[-1]))


def url_host(text: Any) -> str:
    """A name or an address as it stands in URLs and before ports: an IPv6 address in brackets (RFC 3986,
    3.2.2), anything else as it is."""
    host = str(text)
    try:
        return f"[{ipaddress.IPv6Address(host)}]"
    except ValueError:
        return host


def address_numbers(text: Any) -> list[int]:
    """The numbers an address is made of: four bytes, or eight times two. ValueError for what is none."""
    address = ipaddress.ip_address(str(text))
    size = 1 if address.version == 4 else 2
    packed = address.packed
    return [int.from_bytes(packed[at : at + size], "big") for at in range(0, len(packed), size)]


def within(inner: Any, outer: Any) -> bool:
    """Whether all addresses of one thing are addresses of another; False when either has none."""
    return _compared(inner, outer, lambda a, b: b.first <= a.first and a.last <= b.last)


def overlaps(one: Any, other: Any) -> bool:
    """Whether two things have an address in common; False when either has none."""
    return _compared(one, other, lambda a, b: a.first <= b.last and b.first <= a.last)


def _compared(one: Any, other: Any, compare: Callable[[Bounds, Bounds], bool]) -> bool:
    a, b = bounds(one), bounds(other)
    return a is not None and b is not None and a.version == b.version and compare(a, b)
