"""The soak operation: watching containers that were just changed, before others are changed alike."""

from __future__ import annotations

import time

from . import health, projection
from .context import Context, Outcome
from .deadline import Deadline
from .errors import OperationFailed
from .shapes import Json, SoakOperation
from .written import written

PAUSE = 1.0
"""Seconds between two looks. The engine's word costs next to nothing; the checks themselves it runs in its
own time."""


def perform(operation: SoakOperation, context: Context) -> Outcome:
    """See every container run on, and be healthy, for the time; and pass its own check at the end.

    OperationFailed, with the last log lines, as soon as one does not.
    """
    deadline = Deadline(operation["seconds"])
    before = {name: _present(name, context) for name in operation["containers"]}
    while not deadline.passed:
        _look(before, context)
        time.sleep(min(PAUSE, deadline.remaining))
    _look(before, context)
    for name, container in before.items():
        # What it was made for, whatever the settings say by now.
        spec = projection.project(container, context.engine.image(container["Image"]))
        now = _present(name, context)
        if not health.is_ready(now, spec, context.engine):
            raise _failure(name, "does not pass its health check", now, context)
    return Outcome()


def _look(before: dict[str, Json], context: Context) -> None:
    for name, container in before.items():
        now = _present(name, context)
        reason = trouble(container, now)
        if reason is not None:
            raise _failure(name, reason, now, context)


def trouble(before: Json, now: Json) -> str | None:
    """What is wrong with a container that ran well `before`, by the engine's word; None when nothing is."""
    state = now["State"]
    if now["Id"] != before["Id"]:
        return "was replaced by another one"
    if not state["Running"]:
        return f"ended with exit status {state['ExitCode']}"
    if state.get("Restarting") or state["StartedAt"] != before["State"]["StartedAt"]:
        return "ended and was started again"
    if (state.get("Health") or {}).get("Status") == "unhealthy":
        return "became unhealthy"
    return None


def _failure(name: str, reason: str, now: Json, context: Context) -> OperationFailed:
    return OperationFailed(f"container '{name}' {reason}", written(now, health.LOG_LINES, context.engine))


def _present(name: str, context: Context) -> Json:
    container = context.own_container(name)
    if container is None:
        raise OperationFailed(f"there is no container '{name}'")
    return container
