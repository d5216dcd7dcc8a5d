"""The job operation: run something to its end, in a container of its own, and record it."""

from __future__ import annotations

import json
import time

from . import files, projection, volumes
from . import folder as folders
from .context import SKIPPED, Context, Outcome
from .deadline import Deadline
from .errors import OperationFailed
from .shapes import JobOperation, Json

PAUSE = 0.1
LOG_LINES = 40


def perform(operation: JobOperation, context: Context) -> Outcome:
    """Have the job done once for its key and epochs.

    Its container and its folder (it holds secrets) are gone afterwards, whatever happened. The last
    line of JSON it printed is the outcome's message.
    """
    path = context.cloud.job_record(operation["job"])
    record = {"key": operation["key"], "epochs": operation["epochs"]}
    done = files.read_json(path)
    if operation["record"] and done and {**done, **record} == done:
        return SKIPPED
    _end_leftover(operation["spec"]["name"], context, Deadline(operation["timeout"]))
    try:
        outcome = _run(operation, context, Deadline(operation["timeout"]))
    finally:
        context.engine.remove(operation["spec"]["name"])
        folders.remove(operation["folder"]["path"], context.manifest)
    for volume, epoch in operation["renews"].items():
        volumes.renew(volume, epoch, context)
    if operation["record"]:
        files.write_json(path, {**record, "finished": time.time()})
    return outcome


def _end_leftover(name: str, context: Context, deadline: Deadline) -> None:
    """Let the container of a killed run come to its end: what it does may not stand being cut off. One that
    has not ended by the deadline is cut off all the same, as its own run would have done."""
    if context.own_container(name) is not None:
        _wait(name, context, deadline)
        context.engine.remove(name)


def _run(operation: JobOperation, context: Context, deadline: Deadline) -> Outcome:
    spec, engine = operation["spec"], context.engine
    name = spec["name"]
    volumes.check_present([m["source"] for m in spec["mounts"] if m["type"] == "volume"], context)
    folders.place(operation["folder"], context.bundle, context.manifest)
    labels = {
        projection.LABEL_CLOUD: context.cloud.id,
        projection.LABEL_SERVICE: operation["service"],
        projection.LABEL_JOB: operation["job"],
    }
    engine.create(name, projection.payload(spec, labels))
    engine.start(name)
    status = _wait(name, context, deadline)
    log = engine.log(name, LOG_LINES)
    if status is None:
        what = f"job '{operation['job']}' did not finish within {operation['timeout']} s"
        raise OperationFailed(what, log)
    if status not in operation["success"]:
        raise OperationFailed(f"job '{operation['job']}' ended with exit status {status}", log)
    return Outcome(message=last_document(engine.log(name, LOG_LINES, stderr=False)))


def _wait(name: str, context: Context, deadline: Deadline) -> int | None:
    """The exit status of a container that ends in time, None of one that does not."""
    while not deadline.passed:
        container = context.engine.inspect(name)
        if container is None:
            raise OperationFailed(f"container '{name}' was removed while it was running")
        if container["State"]["Status"] not in ("running", "restarting", "paused"):
            return int(container["State"]["ExitCode"])
        time.sleep(PAUSE)
    return None


def last_document(lines: list[str]) -> str:
    """The last line that is a JSON object, as it is; empty without one."""
    for line in reversed(lines):
        if line.startswith("{") and _is_object(line):
            return line
    return ""


def _is_object(line: str) -> bool:
    try:
        document: Json = json.loads(line)
    except ValueError:
        return False
    return isinstance(document, dict)
