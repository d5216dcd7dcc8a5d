"""Planning towards an older revision: what going back means, and when it cannot be done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

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
    VolumeOperation,
)
from kolla.state.reconcile import reconcile
from kolla.state.releases import FINISH, running, unfinished
from kolla.state.revision import Revision


def towards(
    number: int,
    target: Desired,
    states: Mapping[str, HostState],
    *,
    services: Collection[str] | None = None,
) -> Plan:
    """The plan that leads hosts back to the state of revision `number`. It runs no job but those that see
    whether an image may have the data there is and, when that is of the release before an upgrade, what
    services do before their older containers start.

    Every image is got before anything else is touched, so that one the registry has lost stops it all, and no
    container is touched before all data may be had.
    InputErrors names everything that cannot be brought back: images nobody has any more, data that is gone.
    """
    # Going back ends no upgrade: schemas stay what it made of them.
    plan = reconcile(replace(target, upgrade=unfinished(states)), states, services=services)
    planned = list(_takeovers_first(list(_with_jobs(plan, target, states)), target))
    raise_all([problem for operation in planned if (problem := _problem(number, operation))])
    return plan.model_copy(update={"operations": tuple(images_first(planned)), "stop_at_failure": True})


def _takeovers_first(operations: Sequence[Operation], target: Desired) -> Iterator[Operation]:
    """The operations, of which no container and no other job comes before what sees whether that may be."""
    looks = {job.id for job in target.jobs if job.takeover}
    due = [operation.id for operation in operations if operation.id in looks]
    for operation in operations:
        waits = isinstance(operation, ContainerOperation | JobOperation) and operation.id not in looks
        yield behind(operation, due) if waits else operation


def _with_jobs(plan: Plan, target: Desired, states: Mapping[str, HostState]) -> Iterator[Operation]:
    """The operations of a plan, and before the containers of each service what it does on the way back."""
    change = unfinished(states)
    if change is None or target.release != change.before or change.after not in running(states):
        yield from plan.operations
        return
    services = {o.service for o in plan.operations if isinstance(o, ContainerOperation)}
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


def check_release(
    number: int,
    target: Desired,
    states: Mapping[str, HostState],
    services: Iterable[ServiceFolder],
    finishing: Revision | None = None,
) -> None:
    """InputError when services of the revision's release cannot work with the data there is.

    `finishing`: the end of the upgrade, if it was begun and not completed.
    """
    others = sorted(running(states).keys() - {target.release})
    if not others or not target.release:
        return
    change = unfinished(states)
    if change is None or target.release not in (change.before, change.after):
        raise InputError(
            f"revision {number} is of {target.release}, and {', '.join(others)} runs: no upgrade between "
            "them is unfinished, so schemas are not those of then",
            expected=f"a revision of {', '.join(others)}; kolla revisions lists all",
        )
    if finishing is not None and target.release == change.before:
        raise InputError(
            f"revision {finishing.number} began to end the upgrade {change}: what {change.before} needs is "
            "partly gone",
            hint=f"to go on: {FINISH}; to restore what was kept before the upgrade: docs/upgrade.md",
        )
    lost = no_way_back(services, change, target) if target.release == change.before else {}
    if lost:
        raise one_way(change, lost)


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
