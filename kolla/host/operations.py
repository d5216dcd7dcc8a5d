"""Doing the operations of a request: eight at a time, in their order, telling what happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from . import containers, endpoint, images, jobs, members, power, release, resources, soak, takeover, volumes
from .context import Context, Outcome
from .dag import Schedule
from .errors import OperationFailed
from .runs import event
from .shapes import ContainerOperation, Json, Operation

THREADS = 8


def _container(operation: ContainerOperation, context: Context) -> Outcome:
    perform = takeover.perform if operation["replaces"] else containers.perform
    return perform(operation, context)


PERFORM: dict[str, Callable[[Any, Context], Outcome]] = {
    "host": resources.perform,
    "image": images.perform,
    "discard": images.discard,
    "volume": volumes.perform,
    "container": _container,
    "remove": containers.remove,
    "stop": containers.stop,
    "member": members.perform,
    "job": jobs.perform,
    "endpoint": endpoint.perform,
    "start": power.start,
    "release": release.perform,
    "soak": soak.perform,
}

Tell = Callable[[Json], None]


def perform_all(
    operations: Sequence[Operation], context: Context, tell: Tell, *, stop_at_failure: bool
) -> None:
    """Do all operations; a failed one blocks those after it, the others go on, or with `stop_at_failure`
    all that have not begun.

    `tell` gets an event whenever an operation starts, ends or is blocked.
    """
    by_id = {operation["id"]: operation for operation in operations}
    after = {operation["id"]: operation["after"] for operation in operations}
    beside = {id: operation.get("beside", "anything") for id, operation in by_id.items()}
    schedule = Schedule(after, stop_at_failure, beside)
    running: dict[Future[Json], str] = {}
    with ThreadPoolExecutor(THREADS) as threads:
        while schedule:
            for id in schedule.ready():
                running[threads.submit(_perform, by_id[id], context, tell)] = id
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                id = running.pop(future)
                result = future.result()
                blocked = schedule.failed(id) if result["status"] == "failed" else []
                if result["status"] != "failed":
                    schedule.done(id)
                tell(result)
                for other in blocked:
                    waits = id in by_id[other]["after"] or not stop_at_failure
                    stopped = f"{id} failed, and nothing further is begun"
                    message = f"waits for {id}, which failed" if waits else stopped
                    tell(event(other, "blocked", message=message))


def _perform(operation: Operation, context: Context, tell: Tell) -> Json:
    """Do one operation; the event that tells how it ended."""
    id, begin = operation["id"], time.monotonic()
    tell(event(id, "started"))
    try:
        outcome = PERFORM[operation["kind"]](operation, context)
    except OperationFailed as failure:
        outcome = Outcome("failed", str(failure), failure.log)
    except Exception as defect:
        # The boundary of a thread: whatever this is, the other operations go on and this one is told.
        outcome = Outcome("failed", f"{type(defect).__name__}: {defect}")
    return event(id, outcome.status, time.monotonic() - begin, outcome.message, outcome.log)
