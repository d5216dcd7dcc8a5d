"""The gate a container passes after a start."""

from __future__ import annotations

import calendar
import time

from .deadline import Deadline
from .engine import Engine
from .errors import OperationFailed
from .shapes import Json, Spec

PAUSE = 0.5
RESTARTS = 3
"""So many restarts by the engine are a crash loop, not a slow start."""
STEADY = 2.0
"""Seconds a container without a health check must run to count as ready."""
LOG_LINES = 20


def is_ready(container: Json, spec: Spec, engine: Engine) -> bool:
    """Whether a container runs and passes its check at this moment."""
    if not container["State"]["Running"] or container["State"].get("Restarting"):
        return False
    check = spec["health"]
    return check is None or engine.succeeds_in(container["Id"], check["command"], check["timeout"])


def gate(name: str, spec: Spec, start_timeout: float, engine: Engine) -> None:
    """Return once the just started container is ready.

    OperationFailed with its last log lines when it ends, when it is restarted over and over, or when
    `start_timeout` seconds are over.
    """
    deadline = Deadline(start_timeout)
    while True:
        container = engine.inspect(name)
        if container is None:
            raise OperationFailed(f"container '{name}' disappeared while it was starting")
        reason = _hopeless(container)
        if reason is None and _steady(container, spec) and is_ready(container, spec, engine):
            return
        if reason is None and deadline.passed:
            reason = f"did not become ready within {start_timeout:g} s"
        if reason is not None:
            raise OperationFailed(f"container '{name}' {reason}", engine.log(container["Id"], LOG_LINES))
        time.sleep(PAUSE)


def _hopeless(container: Json) -> str | None:
    state = container["State"]
    if container["RestartCount"] >= RESTARTS:
        return f"ended and was started again {container['RestartCount']} times"
    if state["Status"] in ("exited", "dead"):
        return f"ended with exit status {state['ExitCode']}"
    return None


def _steady(container: Json, spec: Spec) -> bool:
    """Without a health check, running for a while is all there is to see."""
    return spec["health"] is not None or age(container) >= STEADY


def age(container: Json) -> float:
    """Seconds since the container was started last."""
    started = container["State"]["StartedAt"][:19]
    return time.time() - calendar.timegm(time.strptime(started, "%Y-%m-%dT%H:%M:%S"))
