"""What runs, beside what should."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kolla.state.desired import Desired
from kolla.state.host_state import HostState


def rows(desired: Desired, states: Mapping[str, HostState]) -> list[dict[str, Any]]:
    """One row per container that is there or should be: host, service, container, state, ..."""
    wanted = {(container.host, container.spec.name) for container in desired.containers}
    found = []
    for host, state in states.items():
        for name, container in sorted(state.containers.items()):
            found.append(
                {
                    "host": host,
                    "service": container.service,
                    "container": name,
                    "state": container.state,
                    "health": container.health or "",
                    "generation": container.generation,
                    "note": "" if (host, name) in wanted else "not wanted",
                }
            )
        missing = sorted(name for h, name in wanted if h == host and name not in state.containers)
        found += [{"host": host, "container": name, "state": "missing"} for name in missing]
    return found


def findings(desired: Desired, states: Mapping[str, HostState]) -> list[dict[str, Any]]:
    """One finding per wanted container on the hosts asked: host, check, subject, ok, message, hint."""
    return [
        {
            "host": container.host,
            "check": "container",
            "subject": container.spec.name,
            **_verdict(states[container.host], container.spec.name),
        }
        for container in desired.containers
        if container.host in states
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
