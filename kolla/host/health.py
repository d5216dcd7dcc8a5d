"""The gate a container passes after a start."""

from __future__ import annotations

import calendar
import socket
import time
import urllib.parse
from collections.abc import Sequence

from .deadline import Deadline
from .engine import Engine
from .errors import OperationFailed
from .shapes import Json, Spec
from .written import written

PAUSE = 0.25
"""Seconds between two looks at a container that just started."""
LONGEST_PAUSE = 2.0
GROWTH = 1.4
"""Each check costs the engine a tenth of a second of a processor that the service needs to start, so the
pauses grow."""
URL_CHECK = "healthcheck_curl"
"""The check of the container contract that asks a URL."""
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
    pause = PAUSE
    before = None
    while True:
        container = engine.inspect(name)
        if container is None:
            raise OperationFailed(f"container '{name}' disappeared while it was starting")
        if before is None:
            before = int(container["RestartCount"])
        reason = _hopeless(container, before)
        worth_asking = reason is None and _steady(container, spec) and _listens(spec)
        if worth_asking and is_ready(container, spec, engine):
            return
        if reason is None and deadline.passed:
            reason = f"did not become ready within {start_timeout:g} s"
        if reason is not None:
            raise OperationFailed(f"container '{name}' {reason}", written(container, LOG_LINES, engine))
        time.sleep(pause)
        if worth_asking:
            pause = min(pause * GROWTH, LONGEST_PAUSE)


def _hopeless(container: Json, before: int) -> str | None:
    """Why it will not become ready; `before` restarts were counted when its gate began."""
    state = container["State"]
    restarts = container["RestartCount"] - before
    if restarts >= RESTARTS:
        return f"ended and was started again {restarts} times"
    if state["Status"] in ("exited", "dead"):
        return f"ended with exit status {state['ExitCode']}"
    return None


def _steady(container: Json, spec: Spec) -> bool:
    """Without a health check, running for a while is all there is to see."""
    return spec["health"] is not None or age(container) >= STEADY


def _listens(spec: Spec) -> bool:
    """Whether a check that asks a URL may get an answer: not before something listens there."""
    command: Sequence[str] = spec["health"]["command"] if spec["health"] else ()
    if spec["network"] != "host" or command[:1] != [URL_CHECK]:
        return True
    url = urllib.parse.urlsplit(command[1])
    try:
        with socket.create_connection((url.hostname, url.port), timeout=1):
            return True
    except OSError:
        return False


def age(container: Json) -> float:
    """Seconds since the container was started last."""
    started = container["State"]["StartedAt"][:19]
    return time.time() - calendar.timegm(time.strptime(started, "%Y-%m-%dT%H:%M:%S"))
