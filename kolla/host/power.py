"""Stopping and starting containers, nothing else about them changed."""

from __future__ import annotations

from collections.abc import Callable

from . import lock
from .cloud import Cloud
from .context import is_own
from .engine import Engine, connect
from .errors import Refusal
from .projection import LABEL_JOB
from .shapes import Json


def stop(request: Json) -> Json:
    """Stop the named containers, or (null) all of the cloud. They stay stopped across reboots."""
    return _each(request, running=True, act=Engine.stop, done="stopped")


def start(request: Json) -> Json:
    """Start the named containers, or (null) all of the cloud."""
    return _each(request, running=False, act=Engine.start, done="started")


def own_containers(engine: Engine, cloud: Cloud) -> dict[str, Json]:
    """Name -> short form of every container of the cloud, jobs and leftovers included."""
    return {
        listed["Names"][0].lstrip("/"): listed
        for listed in engine.containers()
        if is_own(listed["Labels"], cloud)
    }


def check_own(names: list[str], own: dict[str, Json]) -> None:
    """Refusal naming those that are not containers of the cloud."""
    strangers = sorted(set(names) - set(own))
    if strangers:
        raise Refusal(
            "request",
            f"not a container of this cloud on this host: {', '.join(strangers)}",
            hint=f"there are: {', '.join(sorted(own)) or 'none'}",
        )


def _each(request: Json, running: bool, act: Callable[[Engine, str], None], done: str) -> Json:
    cloud, engine = Cloud.of(request), connect(request["engine"])
    with lock.held(cloud, request):
        own = {n: c for n, c in own_containers(engine, cloud).items() if LABEL_JOB not in c["Labels"]}
        names = sorted(own) if request["containers"] is None else request["containers"]
        check_own(names, own)
        changing = [name for name in names if (own[name]["State"] == "running") == running]
        for name in changing:
            act(engine, name)
    return {"changes": [f"{done} {name}" for name in changing]}
