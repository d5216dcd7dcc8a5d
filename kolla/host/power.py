"""The start operation: starting a container that is there, nothing else about it changed."""

from __future__ import annotations

from . import health, projection
from .containers import record_ready
from .context import SKIPPED, Context, Outcome
from .errors import OperationFailed
from .shapes import StartOperation


def start(operation: StartOperation, context: Context) -> Outcome:
    """Have the container run and be ready, started anew if asked for."""
    name, engine = operation["container"], context.engine
    container = context.own_container(name)
    if container is None:
        raise OperationFailed(f"there is no container '{name}'")
    # What it was made for, whatever the settings say by now.
    spec = projection.project(container, engine.image(container["Image"]))
    if operation["again"]:
        engine.restart(name, spec["stop_timeout"])
    elif health.is_ready(container, spec, engine):
        return SKIPPED
    else:
        engine.start(name)
    health.gate(name, spec, operation["start_timeout"], engine)
    taken = context.cloud.taken(name)
    if taken is not None:  # else it is for a deploy to see it ready with its configuration
        record_ready(name, taken, context)
    return Outcome()
