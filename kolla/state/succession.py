"""Containers that cannot go on with the work of others, and hosts where those are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from kolla.errors import InputError, raise_all
from kolla.state.desired import Desired
from kolla.state.host_state import HostState
from kolla.state.topology import engine_name


def check(desired: Desired, states: Mapping[str, HostState], services: Collection[str] | None = None) -> None:
    """InputErrors where a container is to run that cannot go on with the work of one that is there and is to
    go. Of `services`, None: of all."""
    raise_all(list(_refusals(desired, states, services)))


def _refusals(
    desired: Desired, states: Mapping[str, HostState], services: Collection[str] | None
) -> Iterator[InputError]:
    found: dict[tuple[str, str, str], list[str]] = {}
    for container in desired.containers:
        if container.host not in states or (services is not None and container.service not in services):
            continue
        for other, why in container.cannot_succeed.items():
            if engine_name(other) in states[container.host].containers:
                found.setdefault((container.name, other, why), []).append(container.host)
    for (name, other, why), hosts in found.items():
        where = f"host '{hosts[0]}' has" if len(hosts) == 1 else f"{len(hosts)} hosts have"
        yield InputError(
            f"'{name}' cannot go on with the work of '{other}', which {where}: {why}",
            hint="leave the settings as they were; or make a new cloud, or this one anew: kolla destroy",
        )
