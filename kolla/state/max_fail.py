"""How many hosts a change may fail on before it stops. Pure.

Where nothing else is said, a change goes no further than the first host it fails on. On many hosts one bad
disk would then hold up all others. What works for its own host alone may go on with the next one, up to a
limit; what serves together with others may not, as the next failure could be the last of them.
"""

from __future__ import annotations

import re

from kolla.errors import InputError
from kolla.state.desired import Desired, DesiredContainer
from kolla.state.plan import ContainerOperation, Operation, Plan

EXPECTED = "a number of hosts (2), or a part of those that are changed (10%)"


def allowed(text: str, hosts: int) -> int:
    """The hosts that may fail, of so many: `2`, or `10%` rounded down. InputError for anything else."""
    found = re.fullmatch(r"(\d{1,6})(%?)", text)
    if found is None or (found[2] and int(found[1]) > 100):
        raise InputError(f"max_fail: '{text}' is no limit", expected=EXPECTED)
    number = int(found[1])
    return hosts * number // 100 if found[2] else number


def bearing(plan: Plan, desired: Desired, text: str) -> Plan:
    """The plan, in which containers that work for their own host alone go on although the change failed on as
    many others as `text` allows. InputError when it allows nothing sensible."""
    limit = allowed(text, len({operation.host for operation in plan.operations}))
    if not limit:
        return plan
    alone = {container.id: container for container in desired.containers if _alone(container)}
    changes = (operation for operation in plan.operations if isinstance(operation, ContainerOperation))
    turns = {operation.id: alone[operation.id] for operation in changes if operation.id in alone}
    operations = tuple(_bears(operation, turns) for operation in plan.operations)
    return plan.model_copy(update={"operations": operations, "max_fail": limit})


def _alone(container: DesiredContainer) -> bool:
    """Whether it serves neither endpoints nor in the place of others."""
    together = container.impact.with_others or container.impact.without_others
    return not (container.endpoints or container.listeners or together)


def _bears(operation: Operation, turns: dict[str, DesiredContainer]) -> Operation:
    """The operation, which bears that the one whose turn was before failed, on another host."""
    own = turns.get(operation.id)
    if own is None:
        return operation
    waited = ((id_, turns[id_]) for id_ in operation.after if id_ in turns)
    before = tuple(id_ for id_, other in waited if other.turn == own.turn and other.host != own.host)
    return operation.model_copy(update={"bears": before}) if before else operation
