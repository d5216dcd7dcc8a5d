"""Data that a plan would leave behind: on another host, in a volume its container no longer has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from kolla.errors import InputError, raise_all
from kolla.state.desired import Desired, DesiredContainer
from kolla.state.host_state import HostState, ObservedContainer
from kolla.state.volume_names import EMPTY


def check(desired: Desired, states: Mapping[str, HostState], services: Collection[str] | None = None) -> None:
    """InputErrors where a container would start with an empty volume, and one that goes on another host has
    the data; or with a volume that was renamed, and what was written since is in the other one.

    Of `services`, None: of all.
    """
    asked = [
        container
        for container in desired.containers
        if container.host in states and (services is None or container.service in services)
    ]
    volumes = {volume for container in asked for volume in container.mounted if volume in desired.data}
    given_up = {volume: hosts for volume in volumes if (hosts := _given_up(volume, desired, states))}
    raise_all(
        [
            *(_confusion(host, one, other) for host, one, other in _both(asked, states)),
            *(
                _refusal(container, volume, given_up[volume])
                for container in asked
                for volume in container.mounted
                if volume in given_up and volume not in states[container.host].unclaimed
            ),
        ]
    )


def _given_up(volume: str, desired: Desired, states: Mapping[str, HostState]) -> list[str]:
    """Hosts that have the data of a volume which none has that is to use it, and give up the container of it.

    Where one stays that has it, each host has its own, and the one that comes is like the others.
    """
    names = {volume, desired.former_volumes.get(volume, volume)}
    wanted = desired.hosts_of_volumes[volume]
    if any(host not in states or _there(names, states[host]) for host in wanted):
        return []
    return [
        host
        for host, state in states.items()
        if host not in wanted
        and _there(names, state)
        and any(names & set(mounted(container)) for container in state.containers.values())
    ]


def _there(names: Collection[str], state: HostState) -> bool:
    return any(state.volumes.get(name) is not None for name in names)


def mounted(observed: ObservedContainer) -> Iterator[str]:
    """The named volumes a container has."""
    return (str(m["source"]) for m in observed.spec.get("mounts", ()) if m.get("type") == "volume")


def _both(
    asked: Iterable[DesiredContainer], states: Mapping[str, HostState]
) -> Iterator[tuple[str, str, str]]:
    """Host, a volume that is used, and another that is to be used now, of which one was copied from the
    other."""
    for container in asked:
        state = states[container.host]
        there = state.containers.values()
        used = {name for observed in there for name in mounted(observed)}
        # One that was stopped for the copy, of a change that was cut short, has written nothing since.
        at_work = {name for observed in there if not observed.ended for name in mounted(observed)}
        for copy, source in state.copies.items():
            for now, to_be, users in ((source, copy, at_work), (copy, source, used)):
                both = _there({now}, state) and _there({to_be}, state)
                if both and to_be in container.mounted and now in users and to_be not in used:
                    yield container.host, now, to_be


def _confusion(host: str, used: str, other: str) -> InputError:
    names = " and ".join(f"'{name}'" for name in sorted((used, other)))
    return InputError(
        f"volumes {names} on host '{host}' both hold data, as one was renamed to the other: what was written "
        f"since is in '{used}', and '{other}' is to be used",
        hint="to have it there, or to do without it: docs/plan.md",
    )


def _refusal(container: DesiredContainer, volume: str, hosts: list[str]) -> InputError:
    there = ", ".join(f"'{host}'" for host in hosts)
    one = len(hosts) == 1
    return InputError(
        f"volume '{volume}' would be empty on host '{container.host}', where container '{container.name}' is "
        f"to run: its data is on {'host' if one else 'hosts'} {there}, which {'is' if one else 'are'} to run "
        "it no more",
        expected=f"{there} in its group, as before",
        hint=f"how to take the data along: docs/plan.md; to begin without it: {EMPTY}: [{volume}]",
    )
