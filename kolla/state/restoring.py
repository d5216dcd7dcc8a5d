"""Going back where services cannot work with the data there is: the backup that the upgrade made comes first.

Nothing is decided while it is done: what follows the restore is the plan from the state it leaves behind. The
epoch of restored data is derived from the backup's name, so that a rollback that was cut off sees that it has
been brought back, and does not do it again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kolla.errors import InputError
from kolla.state.demand import demands, told
from kolla.state.desired import Desired, DesiredJob, Restore
from kolla.state.host_state import HostState, ObservedContainer
from kolla.state.impact import taken_down
from kolla.state.order import behind
from kolla.state.orphans import mounted
from kolla.state.plan import (
    ContainerOperation,
    ImageOperation,
    Impact,
    JobOperation,
    Operation,
    ReleaseOperation,
    Restoring,
    StopOperation,
)
from kolla.state.replacement import again, left_behind
from kolla.state.revision import Backup, Revision
from kolla.state.volumes import new_epoch


def backup_made(operations: Iterable[Operation], id_: str, said: str) -> Backup | None:
    """The backup that a job of an upgrade made, from what it said at its end: `{"backup": {"name": ...}}`."""
    known = list(operations)
    job = next((o for o in known if o.id == id_ and isinstance(o, JobOperation)), None)
    record = next((o for o in known if isinstance(o, ReleaseOperation) and o.change), None)
    document = json.loads(said) if said.startswith("{") else {}
    made = document.get("backup")
    if job is None or record is None or record.change is None or not isinstance(made, dict):
        return None
    name = str(made["name"])
    return Backup(job=job.job, name=name, change=record.change, settled=record.former is None)


@dataclass(frozen=True)
class Kept:
    """A backup that an upgrade made, and how a state from before it brings it back."""

    revision: int
    """The upgrade."""
    backup: Backup
    restore: Restore

    def epoch(self, desired: Desired, host: str, volume: str) -> str:
        """The epoch of a volume whose content is this backup's."""
        return new_epoch(desired.cloud_id, host, volume, f"backup {self.backup.name}")

    def is_back(self, desired: Desired, states: Mapping[str, HostState]) -> bool:
        """Whether it has been brought back already."""
        places = [(job.host, v) for job in self._jobs(desired) for v in self.restore.volumes]
        return bool(places) and all(
            host in states and states[host].volumes.get(volume) == self.epoch(desired, host, volume)
            for host, volume in places
        )

    def jobs(self, desired: Desired) -> Iterator[DesiredJob]:
        """What brings it back."""
        return (told(job, self.backup.name) for job in self._jobs(desired))

    def checks(self, desired: Desired) -> Iterator[DesiredJob]:
        """What says whether that can be done."""
        found = (job for job in desired.verbs if job.name == self.restore.check)
        return (told(job, self.backup.name) for job in found)

    def _jobs(self, desired: Desired) -> list[DesiredJob]:
        return [job for job in desired.verbs if job.name == self.restore.job]


def kept_by(upgrade: Revision | None, target: Desired) -> tuple[Kept, ...]:
    """The backups of an upgrade that a state from before it can bring back."""
    if upgrade is None:
        return ()
    made = {backup.job: backup for backup in upgrade.backups}
    return tuple(
        Kept(upgrade.number, made[restore.backup], restore)
        for restore in target.restores
        if restore.backup in made
    )


def needed(reasons: Mapping[str, str], kept: Iterable[Kept]) -> tuple[Kept, ...] | None:
    """Those that have the data of all services of `reasons`; None when some of it is in none."""
    due = tuple(each for each in kept if reasons.keys() & set(each.restore.services))
    covered = {service for each in due for service in each.restore.services}
    return due if reasons.keys() <= covered else None


def told_of(due: Iterable[Kept], reasons: Mapping[str, str]) -> tuple[Restoring, ...]:
    """What a plan says of the backups that it brings back."""
    return tuple(
        Restoring(
            revision=each.revision,
            backup=each.backup.name,
            reasons={s: why for s, why in reasons.items() if s in each.restore.services},
            services=each.restore.services,
            loses=each.restore.loses,
        )
        for each in due
    )


def check_whole(due: Collection[Kept], limit: Collection[str], tags: Collection[str]) -> None:
    """InputError when a backup would be brought back while others go on writing."""
    if due and (limit or tags):
        raise InputError("a backup is of the whole cloud", hint="leave out --limit and --tags")


def check_wanted(restores: Sequence[Restoring], wanted: bool) -> None:
    """InputError when a plan loses data and nobody said that it may."""
    if restores and not wanted:
        names = ", ".join(each.backup for each in restores)
        raise InputError(
            f"going back restores the backup {names}, which {' '.join(each.loses for each in restores)}",
            hint="if you mean it, add --restore",
        )


def with_backups(
    target: Desired,
    states: Mapping[str, HostState],
    due: Sequence[Kept],
    later: Callable[[Mapping[str, HostState]], list[Operation]],
) -> list[Operation]:
    """The operations that stop who uses the data, bring backups back, and go on from there.

    `later`: the operations of the way back from a state of the hosts. Before anything is stopped, checks say
    that the backups can be brought back, and other services that their older images may have their data.
    Whoever uses the data starts when those that have it are ready: the jobs that would make it wait are left
    out of a way back.
    """
    services = {service for each in due for service in each.restore.services}
    first = demands(
        target, [job for each in due for job in each.checks(target)], states, ("before anything is stopped",)
    )
    stops = list(_stops(target, states, due, services))
    work = [operation for each in due for operation in _brought_back(target, states, each)]
    following = later(left_behind(states, stops, work))
    looks = [o.id for o in following if _only_looks(o, target) and o.service not in services]
    checked = (*(o.id for o in first if not isinstance(o, ImageOperation)), *looks)
    stops = [_stop_behind(stop, checked) for stop in stops]
    stopped = (*checked, *(stop.id for stop in stops))
    work = [behind(o, stopped) if isinstance(o, JobOperation) else o for o in work]
    known = {operation.id: operation for operation in (*first, *stops, *work)}
    done = tuple(operation.id for operation in work)
    down = {(stop.host, stop.container) for stop in stops}
    free = {*looks, *(o.id for o in following if isinstance(o, ImageOperation))}
    providers = {each.restore.service for each in due}
    ready = tuple(o.id for o in following if isinstance(o, ContainerOperation) and o.service in providers)
    afterwards = [
        o if o.id in free else _afterwards(o, done if o.service in providers else (*done, *ready), down)
        for o in following
    ]
    return [*known.values(), *(o for o in afterwards if o.id not in known)]


def _only_looks(operation: Operation, target: Desired) -> bool:
    return operation.id in {job.id for job in target.jobs if job.takeover}


def _brought_back(target: Desired, states: Mapping[str, HostState], kept: Kept) -> Iterator[Operation]:
    cause = f"revision {kept.revision} made the backup {kept.backup.name} before its upgrade"
    for operation in demands(target, kept.jobs(target), states, (cause,)):
        if isinstance(operation, JobOperation):
            epochs = {v: kept.epoch(target, operation.host, v) for v in kept.restore.volumes}
            operation = operation.model_copy(update={"renews": epochs})
        yield operation


def _stops(
    target: Desired, states: Mapping[str, HostState], due: Iterable[Kept], services: Collection[str]
) -> Iterator[StopOperation]:
    """Stopping what runs of the services, whatever release it is of; who has the data stops last."""
    volumes = {volume for each in due for volume in each.restore.volumes}
    names = {container.spec.name: container.name for container in target.containers}
    running = [
        (host, observed)
        for host, state in states.items()
        for _, observed in sorted(state.containers.items())
        if observed.service in services and not observed.ended
    ]
    holders = [each for each in running if volumes & set(mounted(each[1]))]
    users = [each for each in running if each not in holders]
    for host, observed in users:
        yield _stop(target, names, host, observed, "uses the data that a backup takes the place of")
    waits = [_stop_id(names, host, observed) for host, observed in users]
    for host, observed in holders:
        stop = _stop(target, names, host, observed, "has the data that a backup takes the place of")
        yield _stop_behind(stop, waits)


def _stop_behind(stop: StopOperation, ids: Iterable[str]) -> StopOperation:
    return stop.model_copy(update={"after": tuple(dict.fromkeys((*stop.after, *ids)))})


def _stop_id(names: Mapping[str, str], host: str, observed: ObservedContainer) -> str:
    return f"stop:{names.get(observed.name, observed.name)}@{host}"


def _stop(
    target: Desired, names: Mapping[str, str], host: str, observed: ObservedContainer, cause: str
) -> StopOperation:
    served = target.served.get(observed.name)
    return StopOperation(
        id=_stop_id(names, host, observed),
        host=host,
        service=observed.service,
        causes=(f"it {cause}",),
        # All of its kind are stopped, on every host.
        impact=taken_down(served, alone=True) if served else Impact(),
        timeout=60 + int(observed.spec.get("stop_timeout", 0)),
        container=observed.name,
    )


def _afterwards(operation: Operation, done: Iterable[str], down: Collection[tuple[str, str]]) -> Operation:
    """An operation of the way back, behind the restore. What was stopped interrupts nobody any more."""
    operation = again(operation, tuple(done))
    if isinstance(operation, ContainerOperation) and (operation.host, operation.spec.name) in down:
        operation = operation.model_copy(update={"impact": Impact()})
    return operation
