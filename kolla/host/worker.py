"""Starting a run: apply leaves a detached worker behind that does the operations."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import NoReturn

from . import lock, operations, program, revisions, runs
from .cloud import Cloud
from .context import Context
from .dag import Schedule
from .engine import Engine
from .manifest import Manifest
from .own import engine_of
from .shapes import Json


def apply(request: Json) -> Json:
    """Start doing the request's operations in a process that survives this one.

    Refusals (`locked`, `engine`, `request`) come before anything was changed.
    """
    cloud = Cloud.of(request)
    engine = engine_of(request, cloud)
    Schedule({operation["id"]: operation["after"] for operation in request["operations"]})
    timeout, gone, silence = request.get("lock_timeout", 0), request.get("gone"), request.get("silence", 0)
    handle = lock.take(cloud, request["run"], request["owner"], timeout, gone, silence)
    if "note" in request:
        revisions.keep(cloud, request["note"])
    run_file = runs.RunFile(cloud.run(request["run"]))
    runs.forget_old(cloud)
    program.forget_old()
    worker = _detach(cloud, engine, request, run_file)
    run_file.close()
    os.close(handle)
    return {"run": request["run"], "offset": run_file.offset, "worker": worker}


def _detach(cloud: Cloud, engine: Engine, request: Json, run_file: runs.RunFile) -> int:
    """Fork twice (so that init is the worker's parent, not us) and work there; the worker's pid."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writing, str(os.getpid()).encode())
            os.close(writing)
            _work(cloud, engine, request, run_file)
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        return int(pipe.read())


def _work(cloud: Cloud, engine: Engine, request: Json, run_file: runs.RunFile) -> NoReturn:
    """The worker: never returns. The lock's and the run file's descriptors are ours by the fork."""
    try:
        _let_go_of_the_session(cloud.worker_log)
        context = Context(cloud, engine, Manifest(cloud), request["bundle"], request.get("login"))
        stop = request.get("stop_at_failure", False)
        operations.perform_all(request["operations"], context, run_file.tell, stop_at_failure=stop)
        run_file.tell(runs.FINISHED)
        os._exit(0)
    except BaseException:
        # The last one to hear of it: the log is what `follow` shows of a worker that died.
        traceback.print_exc()
        os._exit(1)


def _let_go_of_the_session(log: Path) -> None:
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
