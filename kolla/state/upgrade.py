"""The plans of an upgrade between OpenStack releases, and of its end.

Nothing but edges and three kinds of operations are added to what the planner says anyway: checks, the
backup, and the record that an upgrade is not finished.
"""

from __future__ import annotations

from collections.abc import Mapping

from kolla.state.demand import demands
from kolla.state.desired import Desired
from kolla.state.host_state import HostState
from kolla.state.order import behind, images_first
from kolla.state.plan import ImageOperation, Operation, Plan, Purpose, ReleaseOperation
from kolla.state.reconcile import fingerprint, reconcile, release_operation


def upgrade_plan(desired: Desired, states: Mapping[str, HostState], *, begun: bool) -> Plan:
    """The plan of an upgrade; `desired` is that of its stage.

    Images, then checks, then the backup, then the record, then everything else. When it has `begun`, what is
    left of it: checks that were passed and data as it was before are not to be had any more.
    """
    if begun:
        return _stopping(reconcile(desired, states), "upgrade")
    plan = reconcile(desired, {host: _forgetting(state, desired) for host, state in states.items()})
    plan = _after_first(plan, _checks(desired, states), _records(desired, states))
    return _stopping(plan.model_copy(update={"precondition": fingerprint(states)}), "upgrade")


def finish_plan(desired: Desired, states: Mapping[str, HostState]) -> Plan:
    """The plan of an upgrade's end; the record goes last, when nothing is left to do."""
    plan = reconcile(desired, states)
    records = {o.id for o in plan.operations if isinstance(o, ReleaseOperation)}
    others = tuple(o.id for o in plan.operations if o.id not in records)
    operations = tuple(behind(o, others) if o.id in records else o for o in plan.operations)
    return _stopping(plan.model_copy(update={"operations": operations}), "finish")


def _stopping(plan: Plan, purpose: Purpose) -> Plan:
    """The plan with all its images first, of which nothing further is begun after a failure."""
    operations = tuple(images_first(plan.operations))
    return plan.model_copy(update={"purpose": purpose, "operations": operations, "stop_at_failure": True})


def _checks(desired: Desired, states: Mapping[str, HostState]) -> list[Operation]:
    """The checks of all services, and the backups after them."""
    checks = demands(desired, desired.release_checks, states, ("before anything is changed",))
    keeping = (job for job in desired.verbs if job.name in desired.backups)
    backups = demands(desired, keeping, states, ("kept before anything is changed",))
    passed = tuple(operation.id for operation in checks)
    return [*checks, *(behind(operation, passed) for operation in backups)]


def _forgetting(state: HostState, desired: Desired) -> HostState:
    """A host as it is once the upgrade is on record."""
    jobs = {name: record for name, record in state.jobs.items() if name not in desired.upgrade_jobs}
    return state.model_copy(update={"jobs": jobs})


def _records(desired: Desired, states: Mapping[str, HostState]) -> list[Operation]:
    """The record of an upgrade that begins, also where an earlier try of it left one."""
    return [
        release_operation(host, desired.upgrade, f"the upgrade {desired.upgrade} begins").model_copy(
            update={"forgets": desired.upgrade_jobs, "former": state.upgrade}
        )
        for host, state in states.items()
    ]


def _after_first(plan: Plan, first: list[Operation], records: list[Operation]) -> Plan:
    """The plan with operations before all others: they first, then the records, then the rest."""
    begin = tuple(operation.id for operation in first if not isinstance(operation, ImageOperation))
    begun = (*begin, *(operation.id for operation in records))
    operations = {operation.id: operation for operation in first}
    operations |= {operation.id: behind(operation, begin) for operation in records}
    for operation in plan.operations:
        free = isinstance(operation, ImageOperation)
        operations.setdefault(operation.id, operation if free else behind(operation, begun))
    return plan.model_copy(update={"operations": tuple(operations.values())})
