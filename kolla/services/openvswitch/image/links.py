"""Links of neutron's ports that are down although whoever made them has switched them on.

A switch in userspace has the links of its ports receive all packets, and writes their flags as it has read
them some milliseconds before (netdev-linux.c, update_flags). Who switches a link on in between, as
hypervisors do with one they have just made, has not: a server then runs without network. Seen after a host
had lost power, when the switch waits for its servers' links.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any, NamedTuple

import ovs

DEVICES = Path("/sys/class/net")
INTERVAL = 1
"""Seconds between two looks. Making a link takes less."""


class Link(NamedTuple):
    """A link of the kernel; another one of the same name has another number."""

    name: str
    ifindex: int


def attend() -> None:
    """Switch on those that never were, for ever."""
    before: Mapping[Link, bool] = {}
    settled: Set[Link] = frozenset()
    while True:
        time.sleep(INTERVAL)
        try:
            now = states(interfaces())
            for link in forgotten(before, now, settled):
                print(f"kolla_vswitchd: {link.name} is down since it is there: switched on", flush=True)
                ovs.run("ip", "link", "set", link.name, "up")
        except (ovs.Fault, OSError, LookupError) as fault:  # its database may be away, a link may go
            print(f"kolla_vswitchd: links: {fault}", file=sys.stderr, flush=True)
            continue
        settled = settle(before, now, settled)
        before = now


def interfaces() -> list[dict[str, Any]]:
    """The rows of the switch's database that say what it sees of its links."""
    columns = ("name", "ifindex", "admin_state", "external_ids")
    select = {"op": "select", "table": "Interface", "where": [], "columns": columns}
    (result,) = ovs.ask(ovs.DATABASE.removeprefix("unix:"), "transact", "Open_vSwitch", select)
    return [{column: ovs.plain(value) for column, value in row.items()} for row in result["rows"]]


def states(rows: Iterable[Mapping[str, Any]]) -> dict[Link, bool]:
    """Whether they are up, of links that are neutron's ports in the host's own namespace."""
    return {
        Link(row["name"], row["ifindex"]): row["admin_state"] == "up"
        for row in rows
        if "iface-id" in row["external_ids"] and row["ifindex"] and (DEVICES / row["name"]).exists()
    }


def forgotten(before: Mapping[Link, bool], now: Mapping[Link, bool], settled: Set[Link]) -> list[Link]:
    """Those that were down at two looks, and at none before. Who is switched off later is meant to be."""
    return [link for link, up in now.items() if not up and before.get(link) is False and link not in settled]


def settle(before: Mapping[Link, bool], now: Mapping[Link, bool], settled: Set[Link]) -> Set[Link]:
    """Those that are there and were up at two looks, now or earlier: the switch has its flags by then."""
    return {link for link, up in now.items() if link in settled or (up and before.get(link))}
