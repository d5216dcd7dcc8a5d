"""Planning towards an older revision: what going back means, and when it cannot be done."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kolla.errors import InputError, raise_all
from kolla.state.desired import Desired
from kolla.state.host_state import HostState
from kolla.state.order import ordered
from kolla.state.plan import ImageOperation, Operation, Plan, VolumeOperation
from kolla.state.reconcile import reconcile


def towards(
    number: int,
    target: Desired,
    states: Mapping[str, HostState],
    *,
    services: Collection[str] | None = None,
) -> Plan:
    """The plan that leads hosts back to the state of revision `number`. It runs no job.

    Every image is got before anything else is touched, so that one the registry has lost stops it all.
    InputErrors names everything that cannot be brought back: images nobody has any more, data that is gone.
    """
    plan = reconcile(target, states, services=services)
    raise_all([problem for operation in plan.operations if (problem := _problem(number, operation))])
    images = tuple(o.id for o in plan.operations if isinstance(o, ImageOperation))
    operations = [
        o if isinstance(o, ImageOperation) else o.model_copy(update={"after": (*o.after, *images)})
        for o in plan.operations
    ]
    return plan.model_copy(update={"operations": tuple(ordered(operations))})


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
