"""A network of this machine's own that nothing it knows of leads to."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping

from kolla.state.facts import Interface

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
"""RFC 1918."""

FIRST = "10.0.2.0/24"
"""What is taken where it is free."""

PREFIX = 24


def free_network(taken: Iterable[str]) -> str | None:
    """The first private network that overlaps none of `taken`; None when there is none."""
    networks = [ipaddress.ip_network(text, strict=False) for text in taken]
    ours = [network for network in networks if isinstance(network, ipaddress.IPv4Network)]
    return next(
        (str(each) for each in _candidates() if not any(each.overlaps(other) for other in ours)), None
    )


def _candidates() -> Iterator[ipaddress.IPv4Network]:
    first = ipaddress.IPv4Network(FIRST)
    yield first
    for text in PRIVATE:
        yield from (each for each in ipaddress.IPv4Network(text).subnets(new_prefix=PREFIX) if each > first)


def led_to(interfaces: Mapping[str, Interface], but: Iterable[str]) -> list[str]:
    """The networks that interfaces lead to, except those named: bridges of our own."""
    own = set(but)
    return [text for name, each in interfaces.items() if name not in own for text in each.networks]
