"""What a deploy takes over from Kolla-Ansible: which of its containers make way, which volumes stay.

Nothing here unless the settings say so (`adopt_containers`): otherwise such things are strangers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kolla.state.desired import Desired, DesiredContainer
from kolla.state.host_state import HostState

SETTING = "adopt_containers"


def replaced(desired: Desired, wanted: DesiredContainer, state: HostState) -> tuple[str, ...]:
    """Kolla-Ansible's containers on a host that make way for a container of ours."""
    if not desired.adopting:
        return ()
    return tuple(name for name in (wanted.spec.name, *wanted.replaces) if name in state.predecessors)


def causes(names: tuple[str, ...], state: HostState) -> list[str]:
    """Why a container is put in the place of others, a phrase for each of those."""
    return [f"takes the place of Kolla-Ansible's {name} ({state.predecessors[name]})" for name in names]


def renamed(desired: Desired, wanted: DesiredContainer, state: HostState) -> tuple[str, ...]:
    """Containers of ours on a host that make way for the one that has their place under another name."""
    if not wanted.formerly:
        return ()
    others = {c.spec.name for c in desired.containers_on(wanted.host)}
    return tuple(name for name in wanted.formerly if name in state.containers and name not in others)


def adopts_volume(desired: Desired, volume: str, state: HostState) -> bool:
    """Whether a volume that is nobody's becomes ours with what is in it."""
    return desired.adopting and volume in state.unclaimed


def owner(desired: Desired, volume: str, host: str) -> int:
    """Number of the user that works in a volume; 0 when that is root."""
    users = {c.user for c in desired.containers_on(host) if volume in c.mounted}
    return users.pop() if len(users) == 1 else 0


def findings(desired: Desired, states: Mapping[str, HostState]) -> Iterator[dict[str, Any]]:
    """What of Kolla-Ansible's is on the hosts: in our way, taken over, or staying as it is.

    As prechecks have them: host, check, subject, ok, warning, message, hint.
    """
    for host, state in states.items():
        here = desired.containers_on(host)
        takers = {name: c.name for c in here for name in (c.spec.name, *c.replaces)}
        for name in sorted(state.predecessors):
            taker = takers.get(name)
            in_the_way = taker is not None and not desired.adopting
            if in_the_way:
                message = f"Kolla-Ansible made it, and container '{taker}' is to take its place"
                hint = f"to take that cloud over, see docs/adopting.md (kolla adopt, {SETTING}: true)"
            elif taker is not None:
                message, hint = f"a deploy puts container '{taker}' in its place", ""
            else:
                message = "Kolla-Ansible made it, no enabled service takes its place, and it stays as it is"
                hint = "keep it, give it to a service (`replaces:` in a service.yml), or remove it yourself"
            yield {
                "host": host,
                "check": "adoption",
                "subject": name,
                "ok": not in_the_way,
                "warning": taker is None,
                "message": message,
                "hint": hint,
            }
