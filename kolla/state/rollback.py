"""Planning towards an older revision: what going back means, and when it cannot be done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kolla.catalogue.model import ServiceFolder
from kolla.catalogue.upgrades import has_schemas
from kolla.errors import InputError, raise_all
from kolla.state.changes import ReleaseChange
from kolla.state.demand import demands
from kolla.state.desired import Desired
from kolla.state.host_state import HostState
from kolla.state.order import behind, images_first
from kolla.state.plan import (
    ContainerOperation,
    ImageOperation,
    JobOperation,
    Operation,
    Plan,
    ReleaseOperation,
    VolumeOperation,
)
from kolla.state.reconcile import reconcile
from kolla.state.releases import FINISH, running, unfinished
from kolla.state.restoring import Kept, kept_by, needed, told_of, with_backups
from kolla.state.revision import Revision, finishing, with_backup


@dataclass(frozen=True)
class Way:
    """How the data of a state from before an upgrade is got back, where services cannot work with that of
    now."""

    due: tuple[Kept, ...] = ()
    """The backups to bring back."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Service -> why it needs them."""
    back: tuple[Kept, ...] = ()
    """Those that were brought back already, by a rollback that did not come to its end."""
    settled: bool = False
    """Whether nothing of the upgrade is left in any schema then."""

    @property
    def services(self) -> frozenset[str]:
        """Those whose data is from before the upgrade then."""
        return frozenset(service for kept in (*self.due, *self.back) for service in kept.restore.services)

    @property
    def change(self) -> ReleaseChange | None:
        """The upgrade before which that was; None: it is the data there is."""
        return next((kept.backup.change for kept in (*self.due, *self.back)), None)


AS_IT_IS = Way()
"""With the data there is."""


def way_back(
    number: int,
    target: Desired,
    states: Mapping[str, HostState],
    services: Iterable[ServiceFolder],
    revisions: Sequence[Revision],
) -> Way:
    """How to get back to the state of revision `number`: with which data. InputError when there is no way:
    services cannot work with the data there is, and no backup of the upgrade has theirs."""
    folders = list(services)
    upgrade = with_backup(number, target.release, revisions)
    kept = kept_by(upgrade, target)
    back = tuple(each for each in kept if each.is_back(target, states))
    found = obstacle(number, target, states, folders, finishing(revisions), [k.backup.change for k in kept])
    restored = {service for each in back for service in each.restore.services}
    reasons = {s: why for s, why in (found.reasons if found else {}).items() if s not in restored}
    due = needed(reasons, [each for each in kept if each not in back])
    if found and (due is None or not found.reasons):
        raise found.error
    way = Way(due or (), reasons, back)
    schemas = _with_schemas(folders, target)
    first = all(each.backup.settled for each in (*way.due, *way.back))
    return replace(way, settled=bool(way.services) and first and schemas <= way.services)


def towards(
    number: int,
    target: Desired,
    states: Mapping[str, HostState],
    *,
    services: Collection[str] | None = None,
    way: Way = AS_IT_IS,
) -> Plan:
    """The plan that leads hosts back to the state of revision `number`. It runs no job but those that see
    whether an image may have the data there is, when that is of the release before an upgrade what services
    do before their older containers start, and those that bring backups back, where the `way` needs that.

    Every image is got before anything else is touched, so that one the registry has lost stops it all, and no
    container is touched before all data may be had.
    InputErrors names everything that cannot be brought back: images nobody has any more, data that is gone.
    """
    plan = _compared(target, states, services, way)
    planned = list(plan.operations)
    if way.due:
        planned = with_backups(
            target, states, way.due, lambda left: list(_compared(target, left, services, way).operations)
        )
    raise_all([problem for operation in planned if (problem := _problem(number, operation))])
    return plan.model_copy(
        update={
            "operations": tuple(images_first(list(_records_last(planned)))),
            "restores": told_of(way.due, way.reasons),
            "stop_at_failure": True,
        }
    )


def others(target: Desired, states: Mapping[str, HostState]) -> frozenset[str]:
    """The containers (ids) that are not as a state says, whoever changed them."""
    same = ("start", "wait")
    return frozenset(
        operation.id
        for operation in reconcile(target, states).operations
        if isinstance(operation, ContainerOperation) and operation.action not in same
    )


def _compared(
    target: Desired, states: Mapping[str, HostState], services: Collection[str] | None, way: Way
) -> Plan:
    """The plan that leads from `states` to the target, with the data there is in them."""
    # Going back ends no upgrade while schemas are what it made of them.
    upgrade = None if way.settled else unfinished(states) or way.change
    plan = reconcile(replace(target, upgrade=upgrade), states, services=services)
    operations = tuple(_takeovers_first(list(_with_jobs(plan, target, states, way)), target))
    return plan.model_copy(update={"operations": operations})


def _records_last(operations: Sequence[Operation]) -> Iterator[Operation]:
    """The operations, of which those that end an upgrade on record come last: until then it is not undone."""
    others = [o.id for o in operations if not isinstance(o, ReleaseOperation)]
    for operation in operations:
        if isinstance(operation, ReleaseOperation) and operation.change is None:
            causes = ("its data is from before the upgrade: nothing of it is left",)
            yield behind(operation, others).model_copy(update={"causes": causes})
        else:
            yield operation


def _takeovers_first(operations: Sequence[Operation], target: Desired) -> Iterator[Operation]:
    """The operations, of which no container and no other job comes before what sees whether that may be."""
    looks = {job.id for job in target.jobs if job.takeover}
    due = [operation.id for operation in operations if operation.id in looks]
    for operation in operations:
        waits = isinstance(operation, ContainerOperation | JobOperation) and operation.id not in looks
        yield behind(operation, due) if waits else operation


def _with_jobs(plan: Plan, target: Desired, states: Mapping[str, HostState], way: Way) -> Iterator[Operation]:
    """The operations of a plan, and before the containers of each service what it does on the way back."""
    change = unfinished(states)
    if change is None or target.release != change.before or change.after not in running(states):
        yield from plan.operations
        return
    services = {o.service for o in plan.operations if isinstance(o, ContainerOperation)} - way.services
    due = {job.id: job for job in target.back if job.service in services}
    jobs = demands(target, due.values(), states, (f"{change.after} has worked on its data",))
    known = {operation.id for operation in plan.operations}
    for operation in jobs:
        if operation.id in due:
            after = (*operation.after, *due[operation.id].after)
            operation = operation.model_copy(update={"after": after})
        if operation.id not in known:
            yield operation
    for operation in plan.operations:
        if isinstance(operation, ContainerOperation):
            own = tuple(job.id for job in due.values() if job.service == operation.service)
            operation = operation.model_copy(update={"after": (*operation.after, *own)})
        yield operation


def no_way_back(services: Iterable[ServiceFolder], change: ReleaseChange, desired: Desired) -> dict[str, str]:
    """Service of a state -> why it is not known to work for the older release after the newer one did."""
    present = {container.service for container in desired.containers}
    reasons = {}
    for folder in services:
        known = folder.service.upgrade.releases.get(str(change))
        if folder.name in present and has_schemas(folder.service) and (known is None or not known.safe):
            reasons[folder.name] = known.because if known else "nobody has tried it"
    return reasons


def _with_schemas(services: Iterable[ServiceFolder], desired: Desired) -> set[str]:
    """The services of a state of which a newer release leaves something behind."""
    present = {container.service for container in desired.containers}
    return {f.name for f in services if f.name in present and has_schemas(f.service)}


@dataclass(frozen=True)
class Obstacle:
    """Why a state cannot be gone back to with the data there is."""

    error: InputError
    reasons: Mapping[str, str]
    """Service -> why it needs its data from before; none when that would not help."""


def obstacle(
    number: int,
    target: Desired,
    states: Mapping[str, HostState],
    services: Iterable[ServiceFolder],
    finishing: Revision | None = None,
    kept: Collection[ReleaseChange] = (),
) -> Obstacle | None:
    """Why services of the revision's release cannot work with the data there is, if they cannot.

    `finishing`: the end of the upgrade, if it was begun and not completed. `kept`: the upgrades of which
    there are backups.
    """
    folders = list(services)
    others = sorted(running(states).keys() - {target.release})
    if not others or not target.release:
        return None
    change = unfinished(states)
    if change is None or target.release not in (change.before, change.after):
        error = InputError(
            f"revision {number} is of {target.release}, and {', '.join(others)} runs: no upgrade between "
            "them is unfinished, so schemas are not those of then",
            expected=f"a revision of {', '.join(others)}; kolla revisions lists all",
        )
        ended = [each for each in kept if change is None and [each.after] == others]
        reasons = _all_of(folders, target, f"the upgrade {ended[0]} was finished") if ended else {}
        return Obstacle(error, reasons)
    if target.release != change.before:
        return None
    if finishing is not None:
        why = f"revision {finishing.number} began to end the upgrade {change}"
        error = InputError(
            f"{why}: what {change.before} needs is partly gone",
            hint=f"to go on: {FINISH}; to restore what was kept before the upgrade: docs/upgrade.md",
        )
        return Obstacle(error, _all_of(folders, target, why))
    lost = no_way_back(folders, change, target)
    return Obstacle(one_way(change, lost), lost) if lost else None


def _all_of(services: Iterable[ServiceFolder], target: Desired, why: str) -> dict[str, str]:
    return dict.fromkeys(sorted(_with_schemas(services, target)), why)


def check_release(
    number: int, target: Desired, states: Mapping[str, HostState], services: Iterable[ServiceFolder]
) -> None:
    """InputError when services of the revision's release cannot work with the data there is."""
    found = obstacle(number, target, states, services)
    if found is not None:
        raise found.error


def one_way(change: ReleaseChange, lost: Mapping[str, str]) -> InputError:
    """That one cannot go back from an upgrade, as `no_way_back` has it."""
    return InputError(
        f"there is no way back from {change.after} to {change.before} without a restored database: "
        + "; ".join(f"{service}: {reason}" for service, reason in lost.items()),
        hint="to go on: kolla upgrade; to restore what was kept before the upgrade: docs/upgrade.md",
    )


def _problem(number: int, operation: Operation) -> InputError | None:
    """Why an operation cannot be a part of going back."""
    if isinstance(operation, ImageOperation) and operation.digest is None:
        return InputError(
            f"revision {number} needs image {operation.reference}, which host '{operation.host}' no longer "
            "has and which was never pushed to a registry",
            hint="kolla revisions shows others to go back to; or build with the settings of then, and deploy",
        )
    if isinstance(operation, VolumeOperation):
        return InputError(
            f"revision {number} needs volume '{operation.volume}', which host '{operation.host}' no longer "
            "has: going back does not bring back data",
            hint="with the settings of then, kolla deploy makes a new one and fills it",
        )
    return None


def check_hosts(number: int, target: Desired, known: Collection[str]) -> None:
    """InputError when the revision has containers on hosts that are not in the inventory any more."""
    gone = sorted({container.host for container in target.containers} - set(known))
    if gone:
        raise InputError(
            f"revision {number} has containers on hosts that are not in the inventory: {', '.join(gone)}",
            hint="put them back into the inventory, or go back to a revision without them",
        )
