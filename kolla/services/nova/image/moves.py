"""What is decided when the servers of a compute host go elsewhere: where to, how, and is there room."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Resources = Mapping[str, float]
"""Resource class of placement (VCPU, MEMORY_MB, DISK_GB, ...) -> how much."""

LIVE, COLD, REBUILD = "while it runs", "while it is off", "from its image or shared disk"
"""The ways a server moves."""
MOVED_BY = {"ACTIVE": LIVE, "PAUSED": LIVE, "SHUTOFF": COLD}
"""Status of a server -> how it leaves a host that works."""
REBUILT = ("ACTIVE", "SHUTOFF", "ERROR")
"""Statuses of servers that nova evacuates from a host that does not."""
FIRST = {
    "SUSPENDED": "resume it first",
    "RESCUE": "end the rescue first",
    "SHELVED": "offload or unshelve it first",
    "VERIFY_RESIZE": "confirm or revert its resize first",
    "ERROR": "it is in error: reset its state or delete it first",
}
"""What its owner has to do before a server can move."""

FIRST_CELL = "cell1"
"""The cell of hosts that are of no other."""


class Refused(Exception):
    """Why it cannot be done, in one sentence."""


class Gone(Exception):
    """The server was deleted."""


@dataclass(frozen=True)
class Server:
    """A server as it is about to move."""

    id: str
    name: str
    status: str
    task: str | None
    """What nova is doing with it."""


def host_named(word: str, hosts: Mapping[str, str]) -> str:
    """The host as nova calls it; `hosts` is its name in the inventory -> that name. Either is understood."""
    if word in hosts:
        return hosts[word]
    if word in hosts.values():
        return word
    names = sorted({*hosts, *hosts.values()})
    near = difflib.get_close_matches(word, names, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(names)}"
    raise Refused(f"there is no compute host '{word}'; {hint}")


def others(services: Iterable[Mapping[str, Any]], host: str, cells: Mapping[str, str]) -> list[str]:
    """The other hosts that take servers, as their compute services report; those of its cell, where there are
    several (host -> cell, where it is not the first), as no server leaves its cell. Refused without one."""
    cell = cells.get(host, FIRST_CELL)
    found = sorted(
        s["host"]
        for s in services
        if s["host"] != host
        and s["state"] == "up"
        and s["status"] == "enabled"
        and cells.get(s["host"], FIRST_CELL) == cell
    )
    if not found:
        whose = f" of {cell}" if cells else ""
        raise Refused(
            f"the servers of {host} have nowhere to go: no other compute host{whose} is up and enabled"
        )
    return found


def way(server: Server) -> str:
    """How a server leaves a host that works. Refused when it cannot."""
    if server.task is not None:
        raise Refused(f"it is busy ({server.task})")
    if server.status not in MOVED_BY:
        raise Refused(FIRST.get(server.status, f"it is {server.status}"))
    return MOVED_BY[server.status]


def way_of_lost(server: Server) -> str:
    """How a server leaves a host that is off. Refused when nova does not let it."""
    if server.task is not None or server.status not in REBUILT:
        state = server.task or server.status
        raise Refused(f"it is {state}; openstack server set --state error {server.id} lets it be evacuated")
    return REBUILD


def free(inventories: Mapping[str, Mapping[str, float]], usages: Resources) -> dict[str, float]:
    """What a host has left to give, as placement counts."""
    return {
        name: (has["total"] - has["reserved"]) * has["allocation_ratio"] - usages.get(name, 0)
        for name, has in inventories.items()
    }


def kept(has: Mapping[str, Any], provider: str) -> dict[str, Any]:
    """What placement is told of a consumer that is to have nothing of a provider any more; `has`: what it
    says of it."""
    allocations = {
        other: {"resources": each["resources"]}
        for other, each in has["allocations"].items()
        if other != provider
    }
    same = ("project_id", "user_id", "consumer_generation")
    return {"allocations": allocations, **{word: has[word] for word in same}}


def without_room(wanted: Mapping[str, Resources], room: Mapping[str, Resources]) -> list[str]:
    """Which of the servers that want something fit on no host when the largest choose first, each the host
    with the most memory left. An estimate: the scheduler knows more, and has the last word."""
    left = {host: dict(resources) for host, resources in room.items()}
    missing = []
    for name, wants in sorted(wanted.items(), key=lambda item: (-item[1].get("MEMORY_MB", 0), item[0])):
        fitting = [
            host
            for host, has in sorted(left.items())
            if all(has.get(kind, 0) >= amount for kind, amount in wants.items())
        ]
        if not fitting:
            missing.append(name)
            continue
        chosen = max(fitting, key=lambda host: left[host].get("MEMORY_MB", 0))
        for kind, amount in wants.items():
            left[chosen][kind] = left[chosen].get(kind, 0) - amount
    return missing


def gateways_left(host: str, gateways: Sequence[str]) -> str:
    """What becomes of the routers' gateways of the host, in a sentence; "" where it has none."""
    if host not in gateways:
        return ""
    if len(gateways) == 1:
        return f"{host} is the only network host: without it no server is reached from outside"
    return (
        f"{host} is a network host as well: routers' gateways stay on it until its switch stops, "
        "and go to another network host then"
    )


def told(host: str, moved: Sequence[Mapping[str, Any]], gateways: str) -> str:
    """What was done, for people."""
    count = f"{len(moved)} server{'' if len(moved) == 1 else 's'}"
    running = sum(1 for each in moved if each["how"] == LIVE)
    during = f", {running} of them while running" if running else ""
    parts = [f"{count} left {host}{during}, and it takes no new ones until: kolla undrain {host}", gateways]
    return "; ".join(part for part in parts if part)


def reason(fault: Mapping[str, Any] | None, events: Iterable[Mapping[str, Any]]) -> str:
    """Why a move failed: what nova tells of a step that did, else what it says of a server in error, else the
    step. `events` are those of the action:
    https://docs.openstack.org/api-ref/compute/#show-server-action-details
    """
    failed = [event for event in events if event["result"] == "Error"]
    told = [event["details"] for event in failed if event.get("details")]
    if fault:
        told.append(fault["message"])
    if told:
        return " ".join(str(told[0]).split())
    step = f" in {failed[0]['event']}" if failed else ""
    return f"nova failed{step} and does not say why; kolla logs nova-compute may"
