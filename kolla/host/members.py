"""The member operation: taking a host out of the proxy of this host, and putting it back.

How that is done is known to a program of the proxy's image.
"""

from __future__ import annotations

import json

from .cloud import Cloud
from .context import Context, Outcome, is_own
from .engine import Engine
from .errors import NoSuchProgram, OperationFailed
from .shapes import Json, MemberOperation


def perform(operation: MemberOperation, context: Context) -> Outcome:
    """Run the program. Where no proxy runs, nothing is passed on to anybody; one of an image from before the
    program was goes on as it always did."""
    container = context.own_container(operation["container"])
    if container is None or not container["State"]["Running"]:
        return Outcome("skipped", f"container '{operation['container']}' does not run here")
    try:
        said = context.engine.run_in(operation["container"], operation["command"])
    except NoSuchProgram as error:
        return Outcome("skipped", str(error))
    return Outcome(message="; ".join(said))


def observe(asked: Json, engine: Engine, cloud: Cloud) -> list[list[str]]:
    """[listener, host] of each that the proxy of this host passes nothing on to, as it was told; none where
    no proxy answers."""
    container = engine.inspect(asked["container"])
    if container is None or not is_own(container["Config"]["Labels"], cloud):
        return []
    try:
        said = engine.run_in(asked["container"], asked["command"])
        found: list[list[str]] = json.loads(said[-1]) if said else []
    except (OperationFailed, ValueError):
        return []
    return found
