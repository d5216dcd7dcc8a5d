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
        if not health.is_ready(_present(name, context), spec, context.engine):
            raise _failure(name, "does not pass its health check", context)
    return Outcome()


def _look(before: dict[str, Json], context: Context) -> None:
    for name, container in before.items():
        reason = trouble(container, _present(name, context))
        if reason is not None:
            raise _failure(name, reason, context)


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


def _failure(name: str, reason: str, context: Context) -> OperationFailed:
    log = written(_present(name, context), health.LOG_LINES, context.engine)
    return OperationFailed(f"container '{name}' {reason}", log)


def _present(name: str, context: Context) -> Json:
    container = context.own_container(name)
    if container is None:
        raise OperationFailed(f"there is no container '{name}'")
    return container
