"""A host that comes, goes, or is not to be used for some time: what may be done, and what has to be. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from kolla.catalogue.model import Leaving, ServiceFolder
from kolla.errors import InputError
from kolla.settings.inventory import Inventory
from kolla.state.demand import told
from kolla.state.desired import Desired, DesiredJob
from kolla.state.host_state import HostState
from kolla.state.impact import is_alone
from kolla.state.order import behind, ordered
from kolla.state.plan import Operation, Plan
from kolla.state.power import power_plan
from kolla.state.reconcile import fingerprint
from kolla.state.rolling import away, left_out
from kolla.state.topology import engine_name


def check_dispensable(host: str, inventory: Inventory, services: Iterable[ServiceFolder]) -> None:
    """InputError when a host is the only one of a group, so that something would run nowhere without it."""
    used = {c.group or f.name for f in services for c in f.service.containers.values()}
    alone = sorted(group for group in used if inventory.groups.get(group) == (host,))
    if alone:
        raise InputError(
            f"host '{host}' is the only one of {', '.join(alone)}: what runs there would run nowhere",
            hint="give these groups another host first: kolla host add",
        )


def check_majority(
    host: str, services: Iterable[ServiceFolder], desired: Desired, states: Mapping[str, HostState]
) -> None:
    """InputError when a cluster would have no majority without a host: of all its members, more than half
    must be ready on others."""
    names = {n for folder in services for n, c in folder.service.containers.items() if c.quorum}
    for name in sorted(names):
        members = desired.containers_called(engine_name(name))
        if len(members) < 2 or host not in [member.host for member in members]:
            continue
        ready = [m.host for m in members if m.host != host and _is_ready(m.host, m.spec.name, states)]
        if 2 * len(ready) <= len(members):
            raise InputError(
                f"without host '{host}' {name} would have no majority: of {len(members)} members "
                f"{len(ready)} would be left that are ready ({', '.join(ready) or 'none'})",
                expected=f"{len(members) // 2 + 1} of them",
                hint="kolla status tells what the others lack; of two members neither can go: "
                "add a third one first",
            )


def _is_ready(host: str, name: str, states: Mapping[str, HostState]) -> bool:
    observed = states[host].containers.get(name) if host in states else None
    return (
        observed is not None
        and observed.state == "running"
        and observed.ready
        and observed.health != "unhealthy"
    )


def check_empty(host: str, state: HostState) -> None:
    """InputError when a host that was replaced has something of this cloud."""
    there = [
        *(f"container {name}" for name in state.containers),
        *(f"volume {name}" for name in state.volumes),
    ]
    if there:
        raise InputError(
            f"host '{host}' is not empty: it has {', '.join(sorted(there)[:5])}"
            + (f" and {len(there) - 5} more" if len(there) > 5 else ""),
            hint="what it lacks, kolla deploy mends; "
            f"to make it empty, with all data: kolla --limit {host} destroy --volumes",
        )


def caused(whole: Plan, pending: Plan) -> Plan:
    """Of a plan, what is not due anyway, and what that waits for."""
    due = {operation.id: operation for operation in pending.operations}
    known = {operation.id: operation for operation in whole.operations}
    wanted = [id_ for id_, operation in known.items() if due.get(id_) != operation]
    found: set[str] = set()
    while wanted:
        id_ = wanted.pop()
        if id_ not in found:
            found.add(id_)
            wanted += [before for before in known[id_].after if before in known]
    return whole.model_copy(update={"operations": tuple(o for o in whole.operations if o.id in found)})


def out_plan(desired: Desired, states: Mapping[str, HostState], host: str, *, stop: bool) -> Plan:
    """A host serves nobody any more: no load balancer passes anything on to it, and it gives the addresses
    that move to another host; then, with `stop`, all of its containers stop."""
    moving = _moving(desired, states, host)
    drains = list(away(desired, states, host))
    stops: Sequence[Operation] = ()
    if host in states:
        names = None if stop else frozenset(moving)
        stops = power_plan(desired, {host: states[host]}, "stop", names).operations
    out, moves = [drain.id for drain in drains], {f"stop:{name}@{host}" for name in moving}
    stops = [
        # First of all, though others reach what still runs here through the same addresses.
        o.model_copy(update={"after": tuple(out)}) if o.id in moves else behind(o, [*out, *sorted(moves)])
        for o in stops
    ]
    return _plan(desired, states, [*drains, *stops])


def _moving(desired: Desired, states: Mapping[str, HostState], host: str) -> list[str]:
    """The containers of a host that give it addresses which another host can have in its place."""
    return [
        requirement.name
        for requirement in desired.requirements
        if requirement.host == host
        and requirement.virtual_addresses
        and not is_alone(host, engine_name(requirement.name), desired, states)
    ]


def back_plan(desired: Desired, states: Mapping[str, HostState], host: str) -> Plan:
    """A host serves again: what stopped starts, then load balancers pass requests on to it."""
    starts = power_plan(desired, {host: states[host]}, "start").operations
    ids = [operation.id for operation in starts]
    admits = [behind(o, ids) for o in left_out(desired, states) if f"/{host}@" in o.id]
    return _plan(desired, states, [*starts, *admits])


def _plan(desired: Desired, states: Mapping[str, HostState], operations: Sequence[Operation]) -> Plan:
    return Plan(
        cloud_name=desired.cloud_name,
        cloud_id=desired.cloud_id,
        precondition=fingerprint(states),
        operations=tuple(ordered(operations)),
    )


def about(
    desired: Desired, states: Mapping[str, HostState], host: str, names: Collection[str], subject: str
) -> list[DesiredJob]:
    """The jobs of these names, each on one of the other hosts in `states`, told what a host calls itself."""
    found: dict[str, DesiredJob] = {}
    for job in desired.verbs:
        if job.name in names and job.host in states and job.host != host:
            found.setdefault(job.name, told(job, subject))
    return list(found.values())


def concerned(
    services: Iterable[ServiceFolder], desired: Desired, host: str
) -> Iterator[tuple[str, Leaving]]:
    """The services that have something of their own on a host which leaves."""
    there = {container.name for container in desired.containers_on(host)}
    for folder in services:
        leaving = folder.service.leaving
        if leaving is not None and not there.isdisjoint(leaving.container):
            yield folder.name, leaving
