"""Changing what serves behind the proxy without anybody noticing. Pure.

A container that is taken down on one of several hosts is first taken out of the proxy of every host, and put
back when it is ready; whatever waits for its change waits for that as well, the same change on the next host
among it. Where the change failed, the host stays out, until a plan finds it so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Literal

from kolla.state.desired import Desired, DesiredContainer, Proxy, container_id
from kolla.state.host_state import HostState
from kolla.state.impact import TAKES_DOWN, is_alone
from kolla.state.order import behind, ordered
from kolla.state.plan import ContainerOperation, MemberOperation, Operation, Plan, StartOperation

TIMEOUT = 300
"""Seconds; how long connections may take to end is known to the program."""


def rolling(plan: Plan, desired: Desired, states: Mapping[str, HostState]) -> Plan:
    """The plan, in which the proxies of the hosts in `states` pass nothing on to what is taken down."""
    if desired.proxy is None:
        return plan
    proxy, begun = desired.proxy, _before_proxies(plan, desired.proxy)
    proxies = [host for host in proxy.hosts if host in states]
    returning = _returning(plan)
    drains: dict[str, list[MemberOperation]] = {}
    admits: dict[str, list[MemberOperation]] = {}
    for operation, container in _taken_down(plan, desired, states):
        id_ = operation.id
        ready = operation.after if id_ in begun else (*operation.after, *_changes(plan, proxy))
        ready = (*ready, *(admit.id for admit in returning if _others(admit, container)))
        drains[id_] = [_member("drain", proxy, container, on, ready, "it is taken down") for on in proxies]
        admits[id_] = [_member("admit", proxy, container, on, (id_,), "it is there again") for on in proxies]
    back = {admit.id: admit for each in admits.values() for admit in each}
    kept = (operation for operation in plan.operations if operation.id not in back)
    operations = [*_behind_members((*kept, *chain(*drains.values())), drains, admits), *back.values()]
    return plan.model_copy(update={"operations": tuple(ordered(operations))}) if back else plan


def left_out(desired: Desired, states: Mapping[str, HostState]) -> Iterator[MemberOperation]:
    """Putting back whom a proxy passes nothing on to, as a change that was cut short left it."""
    if desired.proxy is None:
        return
    for host in desired.proxy.hosts:
        drained = set(states[host].drained) if host in states else set()
        for container in desired.containers:
            names = tuple(name for name in container.listeners if (name, container.host) in drained)
            if names:
                after = (container.id, container_id(desired.proxy.name, host))
                cause = "it was left out by a change that did not come to its end"
                yield _member("admit", desired.proxy, container, host, after, cause)


def member(operation: Operation) -> str:
    """The container (its id) that an operation takes out of a proxy or puts back; empty: none."""
    if not isinstance(operation, MemberOperation):
        return ""
    name, _, host = operation.id.partition(":")[2].rpartition("@")[0].partition("/")
    return container_id(name, host)


def away(desired: Desired, states: Mapping[str, HostState], host: str) -> Iterator[MemberOperation]:
    """Having every proxy pass nothing on to a host any more, where another one serves in its place."""
    if desired.proxy is None:
        return
    proxies = [on for on in desired.proxy.hosts if on in states]
    for container in desired.containers_on(host):
        if not container.listeners or is_alone(host, container.spec.name, desired, states):
            continue
        for on in proxies:
            if {(name, host) for name in container.listeners} - set(states[on].drained):
                yield _member("drain", desired.proxy, container, on, (), f"host {host} is to serve nobody")


def _returning(plan: Plan) -> list[MemberOperation]:
    """Who is put back without waiting for anything to be taken down: it is to serve before others go."""
    behind_others: set[str] = set()
    found = []
    for operation in plan.operations:
        if _interrupts(operation) or not behind_others.isdisjoint(operation.after):
            behind_others.add(operation.id)
        elif isinstance(operation, MemberOperation):
            found.append(operation)
    return found


def _others(admit: MemberOperation, container: DesiredContainer) -> bool:
    """Whether it puts back one that serves in the place of a container."""
    return not set(admit.command).isdisjoint(container.listeners) and container.host not in admit.command


def _taken_down(
    plan: Plan, desired: Desired, states: Mapping[str, HostState]
) -> Iterator[tuple[Operation, DesiredContainer]]:
    """The operations that interrupt what a proxy passes on to, while another host serves it."""
    containers = {(c.host, c.spec.name): c for c in desired.containers if c.listeners}
    for operation in plan.operations:
        container = containers.get((operation.host, _interrupts(operation)))
        if container is not None and not is_alone(container.host, container.spec.name, desired, states):
            yield operation, container


def _interrupts(operation: Operation) -> str:
    """The container (by its name in the engine) that an operation takes down and brings back; empty: none."""
    if isinstance(operation, ContainerOperation) and operation.action in TAKES_DOWN:
        return operation.spec.name
    if isinstance(operation, StartOperation) and operation.again:
        return operation.container
    return ""


def _changes(plan: Plan, proxy: Proxy) -> tuple[str, ...]:
    """The operations on the proxies themselves: one that begins anew has all its members."""
    names = (proxy.container, proxy.name)
    return tuple(
        operation.id
        for operation in plan.operations
        if (isinstance(operation, ContainerOperation) and operation.spec.name in names)
        or (isinstance(operation, StartOperation) and operation.container in names)
    )


def _before_proxies(plan: Plan, proxy: Proxy) -> set[str]:
    """Whatever the change of any proxy waits for: it cannot wait for those changes itself."""
    after = {operation.id: operation.after for operation in plan.operations}
    found: set[str] = set()
    waiting = [*_changes(plan, proxy)]
    while waiting:
        for id_ in after.get(waiting.pop(), ()):
            if id_ not in found:
                found.add(id_)
                waiting.append(id_)
    return found


def _member(
    action: Literal["drain", "admit"],
    proxy: Proxy,
    container: DesiredContainer,
    host: str,
    after: Iterable[str],
    cause: str,
) -> MemberOperation:
    program = proxy.drain if action == "drain" else proxy.admit
    return MemberOperation(
        id=f"{action}:{container.name}/{container.host}@{host}",
        host=host,
        service=container.service,
        causes=(cause,),
        after=tuple(after),
        timeout=TIMEOUT,
        action=action,
        container=proxy.container,
        command=(*program, container.host, *container.listeners),
    )


def _behind_members(
    operations: Iterable[Operation],
    drains: Mapping[str, list[MemberOperation]],
    admits: Mapping[str, list[MemberOperation]],
) -> Iterator[Operation]:
    """Each operation behind the drains of its own, and behind the admissions of what it waits for."""
    for operation in operations:
        back = (admit.id for id_ in operation.after for admit in admits.get(id_, ()))
        out = (drain.id for drain in drains.get(operation.id, ()))
        yield behind(operation, (*out, *back))
