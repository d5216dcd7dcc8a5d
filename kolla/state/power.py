"""Stopping, starting and restarting what is there: which containers, in which order, and who notices."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from kolla.state import first
from kolla.state.desired import Desired, DesiredContainer
from kolla.state.host_state import HostState, ObservedContainer
from kolla.state.impact import beside, is_alone, taken_down
from kolla.state.order import ordered
from kolla.state.plan import Impact, Plan, StartOperation, StopOperation
from kolla.state.reconcile import fingerprint

PowerAction = Literal["stop", "start", "restart"]

START_TIMEOUT = 120
"""Seconds a container may take to become ready of which nothing is known any more."""

Place = tuple[str, str]
"""Host, and a container's name in the engine."""


def power_plan(
    desired: Desired,
    states: Mapping[str, HostState],
    action: PowerAction,
    names: Collection[str] | None = None,
) -> Plan:
    """The plan that does `action` to the containers called `names` in the catalogue, None for all there are,
    on the hosts in `states`.

    Containers start in the order a deploy gives them, each when what it waits for is ready, and stop in the
    opposite one; those that have their data from the first of them stop one after the other, that one last.
    A restart goes from container to container and, of what runs on several hosts, from host
    to host; on one host, what interrupts something or costs servers packets goes by itself, as in a deploy.
    What is already so is left out.
    """
    desired = first.chosen(desired, states)
    wanted = {(c.host, c.spec.name): c for c in desired.containers if names is None or c.name in names}
    present = {
        (host, name): observed
        for host, state in states.items()
        for name, observed in sorted(state.containers.items())
        if (host, name) in wanted or names is None
    }
    acting = {place: wanted.get(place) for place, observed in present.items() if _is_due(action, observed)}
    after = _after(desired, [c for c in acting.values() if c is not None], action)
    operations = [
        _operation(
            action,
            place,
            container,
            service=present[place].service,
            impact=_impact(place, desired, action, acting, states),
            after=tuple(_id(action, other) for other in after.get(container.id, ())) if container else (),
        )
        for place, container in acting.items()
    ]
    return Plan(
        cloud_name=desired.cloud_name,
        cloud_id=desired.cloud_id,
        precondition=fingerprint(states),
        operations=tuple(ordered(operations)),
    )


def _is_due(action: PowerAction, observed: ObservedContainer) -> bool:
    return {"stop": not observed.ended, "start": observed.ended, "restart": True}[action]


def _operation(
    action: PowerAction,
    place: Place,
    container: DesiredContainer | None,
    *,
    service: str,
    impact: Impact,
    after: tuple[str, ...],
) -> StopOperation | StartOperation:
    """What is done with a container; one that nothing wants any more has only its name in the engine."""
    host, name = place
    id_ = _id(action, container.id if container else f"container:{name}@{host}")
    causes = ("asked for",)
    if action == "stop":
        return StopOperation(
            id=id_,
            host=host,
            service=service,
            causes=causes,
            impact=impact,
            after=after,
            timeout=60 + (container.spec.stop_timeout if container else 0),
            container=name,
        )
    start_timeout = container.start_timeout if container else START_TIMEOUT
    return StartOperation(
        id=id_,
        host=host,
        service=service,
        causes=causes,
        impact=impact,
        after=after,
        timeout=60 + start_timeout + (container.spec.stop_timeout if container else 0),
        beside=beside(impact),
        container=name,
        again=action == "restart",
        start_timeout=start_timeout,
    )


def _id(action: PowerAction, container: str) -> str:
    """Id of an operation on the container with that node id."""
    return f"{'stop' if action == 'stop' else 'start'}:{container.partition(':')[2]}"


def _after(
    desired: Desired, containers: Collection[DesiredContainer], action: PowerAction
) -> dict[str, tuple[str, ...]]:
    """Node id -> node ids of those of `containers` that come before it."""
    waits: Mapping[str, Collection[str]] = {
        **{container.id: container.after for container in desired.containers},
        **{job.id: job.after for job in desired.jobs},
        **{id_: endpoint.after for id_, endpoint in desired.endpoints.items()},
    }
    ids = {container.id for container in containers}
    found: dict[str, set[str]] = {}

    def nearest(id_: str) -> set[str]:
        """Those of `containers` that are met first on every way back from a node."""
        if id_ not in found:
            found[id_] = set()
            before = waits.get(id_, ())
            found[id_] = {b for b in before if b in ids}.union(*(nearest(b) for b in before if b not in ids))
        return found[id_]

    edges = {(before, id_) for id_ in ids for before in nearest(id_)}
    if action == "stop":
        edges = {(id_, before) for before, id_ in edges}
        edges |= set(_one_host_at_a_time([c for c in containers if c.first is not None][::-1]))
    if action == "restart":
        edges |= set(_one_host_at_a_time(containers))
    after: dict[str, tuple[str, ...]] = {}
    for before, id_ in sorted(edges):
        after[id_] = (*after.get(id_, ()), before)
    return after


def _one_host_at_a_time(containers: Collection[DesiredContainer]) -> Iterator[tuple[str, str]]:
    last: dict[str, str] = {}
    for container in containers:
        if container.turn in last:
            yield last[container.turn], container.id
        last[container.turn] = container.id


def _impact(
    place: Place,
    desired: Desired,
    action: PowerAction,
    acting: Mapping[Place, DesiredContainer | None],
    states: Mapping[str, HostState],
) -> Impact:
    """What users notice of a container that goes down, and whether another host's serves meanwhile."""
    container = acting[place]
    if container is None or action == "start":
        return Impact()
    leaving = acting if action == "stop" else ()
    return taken_down(
        container, alone=is_alone(container.host, container.spec.name, desired, states, leaving)
    )
