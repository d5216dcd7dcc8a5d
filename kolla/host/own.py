"""Which containers of the engine are this cloud's."""

from __future__ import annotations

from .cloud import Cloud
from .context import is_own
from .engine import Engine
from .errors import Refusal
from .shapes import Json


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
