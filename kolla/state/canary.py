"""Canaries: what of a plan is changed first, and what has to hold before the rest follows. Pure.

Nothing but edges and two kinds of operations are added to the plan there is anyway: the services' checks, and
watching. The order that services have among themselves stays; where it does not let all containers of the
canary's hosts change at once, they change and are judged in waves.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from kolla.errors import InputError, did_you_mean
from kolla.settings.inventory import Inventory
from kolla.state.canary_request import CanaryRequest
from kolla.state.demand import demands
from kolla.state.desired import Desired, container_id
from kolla.state.host_state import HostState
from kolla.state.order import behind, ordered, serial
from kolla.state.plan import (
    Canary,
    ContainerOperation,
    JobOperation,
    Operation,
    Plan,
    SoakOperation,
    Wave,
)
from kolla.state.rolling import member
from kolla.state.volumes import HOST_SERVICE

GRACE = 60
"""Seconds that watching may take longer than it is to last."""

FEW = 3
"""So many hosts are named where there may be many."""

FREE = frozenset({"image", "volume", "endpoint", "release", "discard"})
"""Kinds that change nothing of a service that runs, so that they need not wait."""


def resolved(asked: CanaryRequest, inventory: Inventory, limit: Collection[str]) -> tuple[str, ...]:
    """The canary's hosts, in the order of the inventory, of which a part of a group is the first ones.

    InputError for what the inventory does not have, and for a host that is not among those of `limit`.
    """
    chosen = {host for place in asked.places for host in _named(place, inventory)}
    if outside := chosen - set(limit):
        raise InputError(f"--canary: --limit leaves out {', '.join(sorted(outside))}")
    return tuple(host for host in inventory.hosts if host in chosen)


def _named(place: str, inventory: Inventory) -> tuple[str, ...]:
    group, colon, part = place.partition(":")
    if not colon:
        if place not in inventory.hosts:
            of_group = f"it is a group; name a part of it: {place}:10%" if place in inventory.groups else None
            hint = of_group or did_you_mean(place, inventory.hosts)
            raise InputError(f"--canary: there is no host '{place}'", hint=hint)
        return (place,)
    if group not in inventory.groups:
        raise InputError(f"--canary: there is no group '{group}'", hint=did_you_mean(group, inventory.groups))
    percent = int(part[:-1]) if re.fullmatch(r"\d{1,3}%", part) else 0
    if not 1 <= percent <= 100:
        raise InputError(f"--canary: '{part}' is no part of a group", expected="1% to 100%")
    members = inventory.groups[group]
    if not members:
        raise InputError(f"--canary: group '{group}' has no host")
    return members[: max(1, len(members) * percent // 100)]


def with_canary(
    plan: Plan, desired: Desired, states: Mapping[str, HostState], hosts: Sequence[str], soak: int
) -> Plan:
    """The plan, in which what runs on `hosts` changes first.

    Each container that changes on one of them and on others: those of the others wait until the first have
    passed their services' checks and were watched for `soak` seconds; and so does everything else of these
    services that they do not need themselves.
    """
    if not plan:
        return plan
    return _Builder(_canaries_first(plan, hosts, desired.turns), desired, states, tuple(hosts), soak).plan()


def _canaries_first(plan: Plan, hosts: Sequence[str], turns: Mapping[str, str]) -> Plan:
    """The plan, in which of those of one turn (id -> turn) the canary's come first, not the inventory's."""
    ids: dict[str, set[str]] = {}
    for operation in plan.operations:
        if isinstance(operation, ContainerOperation):
            ids.setdefault(turns[operation.id], set()).add(operation.id)
    free = [
        o.model_copy(update={"after": tuple(id_ for id_ in o.after if id_ not in ids[turns[o.id]])})
        if isinstance(o, ContainerOperation)
        else o
        for o in plan.operations
    ]
    first = sorted(free, key=lambda operation: operation.host not in hosts)
    return plan.model_copy(update={"operations": tuple(ordered(serial(first, turns)))})


class _Builder:
    def __init__(
        self,
        plan: Plan,
        desired: Desired,
        states: Mapping[str, HostState],
        hosts: tuple[str, ...],
        soak: int,
    ) -> None:
        self.before = plan
        self.desired = desired
        self.states = states
        self.hosts = hosts
        self.soak = soak
        self.operations = {operation.id: operation for operation in plan.operations}
        self.changes: dict[str, list[ContainerOperation]] = {}
        for operation in plan.operations:
            if isinstance(operation, ContainerOperation):
                self.changes.setdefault(operation.spec.name, []).append(operation)

    def plan(self) -> Plan:
        """All of it together."""
        waves: list[Wave] = []
        added: dict[str, Operation] = {}
        for number in range(1, 1 + max(self.waves.values(), default=0)):
            judges, wave = self._wave(number)
            waves.append(wave)
            added |= judges
        operations = {id_: self._placed(operation, waves) for id_, operation in self.operations.items()}
        canary = Canary(hosts=self.hosts, soak=self.soak, waves=tuple(waves), warnings=self.warnings)
        everything = ordered([*(added | operations).values()])
        return self.before.model_copy(update={"operations": tuple(everything), "canary": canary})

    # -- which containers have a canary ------------------------------------------------------

    @cached_property
    def homes(self) -> dict[str, list[str]]:
        """Container -> the hosts that should have it."""
        found: dict[str, list[str]] = {}
        for container in self.desired.containers:
            found.setdefault(container.spec.name, []).append(container.host)
        return found

    @cached_property
    def _catalogue_names(self) -> dict[str, str]:
        return {container.spec.name: container.name for container in self.desired.containers}

    def _listed(self, names: Iterable[str]) -> str:
        """Containers as the catalogue calls them: `nova-api, nova-compute`."""
        return ", ".join(self._catalogue_names.get(name, name) for name in names)

    def first(self, name: str) -> list[str]:
        """The canary's hosts that have a container."""
        return [host for host in self.homes.get(name, ()) if host in self.hosts and host in self.states]

    def others(self, name: str) -> list[ContainerOperation]:
        """What is done to it elsewhere."""
        return [operation for operation in self.changes[name] if operation.host not in self.hosts]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The containers that have a canary, and others that wait for it."""
        return tuple(n for n in self.changes if self.first(n) and any(map(_changes, self.others(n))))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What changes without a canary, and why."""
        reasons: dict[str, list[str]] = {}
        for name, operations in self.changes.items():
            if name not in self.names and any(map(_changes, operations)):
                reasons.setdefault(self._reason(name), []).append(name)
        return tuple(
            f"without a canary: {self._listed(names)}: {reason}"
            for reason, names in reasons.items()
            if reason
        )

    def _reason(self, name: str) -> str:
        homes = self.homes.get(name, [])
        if len(homes) < 2:
            return f"only host {', '.join(homes)} has it"
        if not self.first(name):
            return "none of the canary's hosts has it"
        if set(homes) <= set(self.hosts):
            return "all hosts that have it are the canary's"
        return ""  # elsewhere it is as it should be

    # -- in which wave -----------------------------------------------------------------------

    @cached_property
    def waves(self) -> dict[str, int]:
        """Container -> its wave, from 1: the one after those of the containers that have to be changed on all
        hosts before it may change on the canary's."""
        known: dict[str, int] = {}

        def wave(name: str) -> int:
            if name not in known:
                own = [operation for operation in self.changes[name] if operation.host in self.hosts]
                before = {other for operation in own for other in self._needed[operation.id]}
                known[name] = 1 + max(map(wave, before), default=0)
            return known[name]

        return {name: wave(name) for name in self.names}

    @cached_property
    def _needed(self) -> dict[str, frozenset[str]]:
        """Operation -> the containers with a canary that are changed on other hosts before it."""
        found: dict[str, frozenset[str]] = {}
        elsewhere = {operation.id: name for name in self.names for operation in self.others(name)}
        for operation in self.before.operations:
            names = {elsewhere[id_] for id_ in operation.after if id_ in elsewhere}
            found[operation.id] = frozenset(names).union(*(found[id_] for id_ in operation.after))
        return found

    @cached_property
    def _firsts(self) -> dict[str, int]:
        """Operation of the canary -> its wave."""
        return {o.id: self.waves[n] for n in self.names for o in self.changes[n] if o.host in self.hosts}

    @cached_property
    def _serves(self) -> dict[str, int]:
        """Operation -> the earliest wave of the changes that wait for it."""
        found: dict[str, int] = {}
        for operation in reversed(self.before.operations):
            own = [wave for wave in (found.get(operation.id), self._firsts.get(operation.id)) if wave]
            if own:
                for id_ in operation.after:
                    found[id_] = min(*own, found.get(id_, min(own)))
        return found

    # -- what is added -----------------------------------------------------------------------

    def _wave(self, number: int) -> tuple[dict[str, Operation], Wave]:
        """The operations that judge a wave (and what their jobs need), and the wave."""
        names = [name for name, wave in self.waves.items() if wave == number]
        first = tuple(o.id for name in names for o in self.changes[name] if o.host in self.hosts)
        waiting = [operation for name in names for operation in self.others(name)]
        watched = {
            host: tuple(sorted(name for name in names if host in self.first(name))) for host in self.hosts
        }
        checks = self._checks(number, watched, first)
        jobs = tuple(id_ for id_, operation in checks.items() if operation.kind == "job")
        soaks = {
            operation.id: operation
            for host, containers in watched.items()
            if containers
            for operation in (self._soak(number, host, containers, waiting, (*first, *jobs)),)
        }
        wave = Wave(first=first, judges=(*jobs, *soaks), waiting=tuple(o.id for o in waiting))
        return {**checks, **soaks}, wave

    def _checks(
        self, number: int, watched: Mapping[str, Sequence[str]], after: tuple[str, ...]
    ) -> dict[str, Operation]:
        """The checks of a wave's services, and the images and volumes these need."""
        names = list(dict.fromkeys(name for containers in watched.values() for name in containers))
        services = {operation.service for name in names for operation in self.changes[name]}
        jobs = [job for job in self.desired.checks if job.service in services]
        changed = {
            container_id(self._catalogue_names[name], host)
            for host, containers in watched.items()
            for name in containers
        }
        jobs += [job for of, job in self.desired.canary_checks if of in changed]
        places = ", ".join(host for host, containers in watched.items() if containers)
        cause = f"canary {number}: {self._listed(names)} on {places}"
        found: dict[str, Operation] = {}
        for operation in demands(self.desired, jobs, self.states, (cause,)):
            if isinstance(operation, JobOperation):
                # The same check may be run for several waves.
                id_ = f"job:{operation.job}/canary-{number}@{operation.host}"
                operation = behind(operation, after).model_copy(update={"id": id_})
            found[operation.id] = operation
        return found

    def _soak(
        self,
        number: int,
        host: str,
        watched: tuple[str, ...],
        waiting: Sequence[Operation],
        after: tuple[str, ...],
    ) -> Operation:
        causes = [
            f"{self._listed(watched)} must stay healthy for {self.soak} s, then {_hosts(waiting)} follow"
        ]
        right = [name for name in watched if all(o.host != host for o in self.changes[name])]
        if right:
            causes.append(f"as the settings say already: {self._listed(right)}")
        return SoakOperation(
            id=f"soak:canary-{number}@{host}",
            host=host,
            service=HOST_SERVICE,
            causes=tuple(causes),
            after=after,
            timeout=self.soak + GRACE,
            seconds=self.soak,
            containers=watched,
        )

    def _placed(self, operation: Operation, waves: Sequence[Wave]) -> Operation:
        """An operation of the canary, with that as a cause; any other behind the judges of its container, or
        of all its service's containers that do not need it themselves."""
        number = self._firsts.get(operation.id)
        if number is not None and isinstance(operation, ContainerOperation):
            cause = f"first, as canary {number}: {_hosts(self.others(operation.spec.name))} follow"
            return operation.model_copy(update={"causes": (*operation.causes, cause)})
        if operation.kind in FREE:
            return operation
        if isinstance(operation, ContainerOperation) and operation.spec.name in self.names:
            due = {self.waves[operation.spec.name]}
        else:
            before = self._serves.get(operation.id, len(waves) + 1)
            due = {wave for wave in self._waves_of(operation.service) if wave < before}
        return behind(operation, [id_ for wave in sorted(due) for id_ in waves[wave - 1].judges])

    def _waves_of(self, service: str) -> set[int]:
        return {self.waves[n] for n in self.names if any(o.service == service for o in self.changes[n])}


def _changes(operation: ContainerOperation) -> bool:
    """Whether something that serves becomes something else: what a canary is for."""
    return operation.action not in ("create", "wait")


def _hosts(operations: Sequence[Operation]) -> str:
    """`two, three`; of many the first few."""
    names = list(dict.fromkeys(operation.host for operation in operations))
    more = len(names) - FEW
    return ", ".join(names[:FEW]) + (f" and {more} more" if more > 0 else "")


def failed(plan: Plan, failures: Iterable[Mapping[str, Any]]) -> Wave | None:
    """The wave of the canary in which something failed, by the failures of a run; None without one."""
    broken = {failure["operation"] for failure in failures if failure["status"] == "failed"}
    waves = plan.canary.waves if plan.canary else ()
    return next((wave for wave in waves if broken & {*wave.first, *wave.judges}), None)


def only(plan: Plan, containers: Collection[str]) -> Plan:
    """Of a plan, the operations on these containers (ids), what they need that is none on a container, and
    what puts them back into proxies."""
    operations = {operation.id: operation for operation in plan.operations}
    wanted: dict[str, None] = {}
    open_ = [id_ for id_, operation in operations.items() if {id_, member(operation)} & {*containers}]
    while open_:
        id_ = open_.pop()
        if id_ not in wanted:
            wanted[id_] = None
            needed = (other for other in operations[id_].after if other in operations)
            open_ += [o for o in needed if operations[o].kind not in ("container", "remove")]
    return plan.model_copy(update={"operations": tuple(ordered([operations[id_] for id_ in wanted]))})
