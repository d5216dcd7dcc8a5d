"""What runs, beside what should."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from kolla.state.compare import drift
from kolla.state.desired import Desired, DesiredContainer
from kolla.state.host_state import HostState
from kolla.state.topology import engine_name

CHANGES = 3
"""How many changes of one container are told."""


def rows(
    desired: Desired, states: Mapping[str, HostState], names: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """One row per container that is there or should be: host, service, container, state, what was changed on
    its host, ...; and one for each host that somebody changes at the moment.

    Only of those called `names` in the catalogue, unless that is None.
    """
    asked = None if names is None else {engine_name(name) for name in names}
    found: list[dict[str, Any]] = []
    locks: list[dict[str, Any]] = []
    for host, state in states.items():
        if state.lock:
            locks.append({"host": host, "state": "locked", "note": state.lock})
        wanted = {container.spec.name: container for container in desired.containers_on(host)}
        for name, container in sorted(state.containers.items()):
            found.append(
                {
                    "host": host,
                    "service": container.service,
                    "container": name,
                    "state": container.state,
                    "health": container.health or "",
                    "version": container.version,
                    "generation": container.generation,
                    "note": _note(desired, wanted.get(name), state),
                }
            )
        found += [
            {
                "host": host,
                "container": name,
                "state": "missing",
                "note": _note(desired, wanted[name], state),
            }
            for name in sorted(wanted.keys() - state.containers.keys())
        ]
    return [*(row for row in found if asked is None or row["container"] in asked), *locks]


def _note(desired: Desired, wanted: DesiredContainer | None, state: HostState) -> str:
    """What somebody changed on the host; only the first few changes, a plan has all."""
    if wanted is None:
        return "not wanted"
    changes = drift(wanted, state, desired.secrets)
    more = [f"{len(changes) - CHANGES} more: kolla plan"] if len(changes) > CHANGES else []
    return "; ".join([*changes[:CHANGES], *more])


def set_rows(
    desired: Desired, states: Mapping[str, HostState], sets: Mapping[str, Collection[str]]
) -> list[dict[str, Any]]:
    """One row per set that has containers on the hosts asked: how many run, health, versions, the highest
    generation, and the functional checks of its services.

    `sets`: their containers, by their names in the catalogue.
    """
    found = []
    for name, members in sets.items():
        wanted = [c for c in desired.containers if c.name in members and c.host in states]
        if not wanted:
            continue
        there = [o for c in wanted if (o := states[c.host].containers.get(c.spec.name)) is not None]
        services = {container.service for container in wanted}
        found.append(
            {
                "set": name,
                "hosts": len({container.host for container in wanted}),
                "running": f"{sum(o.state == 'running' for o in there)}/{len(wanted)}",
                "health": _health(wanted, states),
                "version": ", ".join(sorted({o.version for o in there if o.version})),
                "generation": max((o.generation for o in there), default=0),
                "checks": ", ".join(check.name for check in desired.checks if check.service in services),
            }
        )
    return found


def _health(wanted: Collection[DesiredContainer], states: Mapping[str, HostState]) -> str:
    """`healthy`, or what is wrong with how many."""
    bad = [c for c in wanted if not _verdict(states[c.host], c.spec.name)["ok"]]
    return f"{len(bad)} not healthy: {', '.join(sorted({c.name for c in bad}))}" if bad else "healthy"


def findings(
    desired: Desired, states: Mapping[str, HostState], names: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """One finding per wanted container on the hosts asked: host, check, subject, ok, message, hint.

    Only of those called `names` in the catalogue, unless that is None.
    """
    return [
        {
            "host": container.host,
            "check": "container",
            "subject": container.spec.name,
            **_verdict(states[container.host], container.spec.name),
        }
        for container in desired.containers
        if container.host in states and (names is None or container.name in names)
    ]


def _verdict(state: HostState, name: str) -> dict[str, object]:
    container = state.containers.get(name)
    if container is None:
        return {"ok": False, "message": "it does not exist", "hint": "run: kolla deploy"}
    if container.state != "running":
        return {"ok": False, "message": f"it is {container.state}", "hint": "run: kolla deploy"}
    if container.health == "unhealthy":
        return {"ok": False, "message": "it is unhealthy", "hint": f"run: kolla logs {name}"}
    return {"ok": True, "message": container.health or "running", "hint": ""}
