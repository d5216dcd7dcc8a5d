"""The verbs that go with a run: follow reads its events, release ends it."""

from __future__ import annotations

from . import lock, revisions, runs
from .cloud import Cloud
from .errors import Refusal
from .shapes import Json

PATIENCE = 10.0
"""Seconds a `follow` waits for an event unless the request says otherwise."""
LOG_LINES = 20


def follow(request: Json) -> Json:
    """Events of a run after `offset`; waits up to `wait` seconds for one. Renews the lease."""
    cloud = Cloud.of(request)
    path = cloud.run(request["run"])
    if not path.exists():
        raise Refusal("request", f"this host knows no run '{request['run']}'")
    lock.renew(cloud, request["run"])
    events, offset, finished, died = runs.follow(path, request["offset"], request.get("wait", PATIENCE))
    lock.renew(cloud, request["run"])
    if died:
        message = "the worker on this host ended before its work was done; deploying again goes on from here"
        events.append(runs.event("", "died", message=message, log=_log(cloud)))
    return {"events": events, "offset": offset, "finished": finished or died}


def release(request: Json) -> Json:
    """Give the run's lease back; what came of the change is on record first."""
    cloud = Cloud.of(request)
    if "note" in request:
        revisions.keep(cloud, request["note"])
    lock.release(cloud, request["run"])
    return {}


def _log(cloud: Cloud) -> list[str]:
    try:
        return cloud.worker_log.read_text(errors="replace").splitlines()[-LOG_LINES:]
    except FileNotFoundError:
        return []
