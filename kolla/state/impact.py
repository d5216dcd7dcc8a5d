"""What users notice of a plan: of each operation, and of all together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kolla.state.desired import Desired, DesiredContainer, Served
from kolla.state.host_state import HostState, ObservedContainer
from kolla.state.orphans import mounted
from kolla.state.plan import Action, Impact, JobOperation, Plan

TAKES_DOWN: frozenset[Action] = frozenset({"recreate", "restart", "adopt"})
"""What is done to a container that serves somebody; any other action finds it serving nobody, or lets it."""


def taken_down(served: DesiredContainer | Served, *, alone: bool) -> Impact:
    """What users notice while a container is down; `alone`: no other host serves what it serves."""
    by_others = served.impact.without_others if alone else served.impact.with_others
    waits = (served.impact.meanwhile, by_others)
    return Impact(
        interrupted=served.endpoints if alone else (),
        served_by_others=() if alone else served.endpoints,
        behind=served.behind if alone else (),
        servers=served.impact.servers,
        meanwhile="; ".join(filter(None, waits)),
    )


def beside(impact: Impact) -> Literal["anything", "harmless", "nothing"]:
    """What may be done on a host at the same time as what has this impact."""
    if impact.servers:
        return "nothing"
    return "harmless" if impact.interrupted else "anything"


def is_alone(
    host: str,
    name: str,
    desired: Desired,
    states: Mapping[str, HostState],
    leaving: Collection[tuple[str, str]] = (),
) -> bool:
    """Whether no other host serves what a container (by its name in the engine) serves, as the hosts are;
    `leaving`: (host, container) that go down as well."""
    same = desired.containers_called(name)  # of one description, so that their words of it are the same
    return any(container.impact.alone for container in same[:1]) or not any(
        other.host != host and _serves(other, states) and (other.host, name) not in leaving for other in same
    )


def _serves(container: DesiredContainer, states: Mapping[str, HostState]) -> bool:
    """Whether it runs; on a host that was not asked it is taken to."""
    if container.host not in states:
        return True
    observed = states[container.host].containers.get(container.spec.name)
    return observed is not None and not observed.ended


def served_by(desired: Desired) -> dict[str, Served]:
    """What each container of a state serves, by its name in the engine."""
    return {c.spec.name: Served(c.endpoints, c.behind, c.impact) for c in desired.containers}


def removed(
    host: str, observed: ObservedContainer, desired: Desired, states: Mapping[str, HostState]
) -> Impact:
    """What users notice when a container goes for good."""
    served = desired.served.get(observed.name)
    if served is None or observed.ended:
        return Impact()
    return taken_down(served, alone=is_alone(host, observed.name, desired, states))


def together(impacts: Iterable[Impact]) -> Impact:
    """What users notice of several things at once."""
    all_ = list(impacts)
    return Impact(
        interrupted=_each(name for one in all_ for name in one.interrupted),
        served_by_others=_each(name for one in all_ for name in one.served_by_others),
        behind=_each(name for one in all_ for name in one.behind),
        servers="; ".join(_each(one.servers for one in all_ if one.servers)),
        meanwhile="; ".join(_each(one.meanwhile for one in all_ if one.meanwhile)),
    )


def kept_volumes(
    observed: ObservedContainer, state: HostState, wanted: Iterable[DesiredContainer]
) -> tuple[str, ...]:
    """The cloud's volumes of a container that goes which nothing on its host will use."""
    used = {mount.source for container in wanted for mount in container.spec.mounts}
    found = (name for name in mounted(observed) if name in state.volumes and name not in used)
    return tuple(sorted(found))


@dataclass(frozen=True)
class Summary:
    """What all of a plan comes to."""

    operations: int
    hosts: tuple[str, ...]
    interrupted: tuple[str, ...]
    """Endpoints that nobody serves for a while."""
    served_by_others: tuple[str, ...]
    """Endpoints that go on, of which single members are away for a while."""
    behind: tuple[str, ...]
    """Services whose requests may fail meanwhile, as they use what is interrupted."""
    servers: Mapping[str, tuple[str, ...]]
    """What running servers and their networks notice -> the hosts where."""
    jobs: tuple[str, ...]
    """Jobs that will run, `service/name`."""
    kept: tuple[str, ...]
    """Volumes (`host/volume`) that stay although nothing uses them any more."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "operations": self.operations,
            "hosts": list(self.hosts),
            "interrupted": list(self.interrupted),
            "served_by_others": list(self.served_by_others),
            "behind": list(self.behind),
            "servers": {what: list(hosts) for what, hosts in self.servers.items()},
            "jobs": list(self.jobs),
            "kept_volumes": list(self.kept),
        }


def summarise(plan: Plan) -> Summary:
    """What a plan comes to; everything in the order of the plan, and once."""
    impacts = [operation.impact for operation in plan.operations]
    interrupted = _each(name for one in impacts for name in one.interrupted)
    servers: dict[str, list[str]] = {}
    for operation in plan.operations:
        if operation.impact.servers:
            servers.setdefault(operation.impact.servers, []).append(operation.host)
    return Summary(
        operations=len(plan.operations),
        hosts=_each(operation.host for operation in plan.operations),
        interrupted=interrupted,
        served_by_others=tuple(
            name
            for name in _each(name for one in impacts for name in one.served_by_others)
            if name not in interrupted
        ),
        behind=_each(name for one in impacts for name in one.behind),
        servers={what: _each(hosts) for what, hosts in servers.items()},
        jobs=_each(operation.job for operation in plan.operations if isinstance(operation, JobOperation)),
        kept=_each(
            f"{operation.host}/{volume}"
            for operation in plan.operations
            if operation.kind == "remove"
            for volume in operation.keeps
        ),
    )


def _each(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
