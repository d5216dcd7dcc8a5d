"""Which containers of the engine are this cloud's, and that no other engine of the host has any."""

from __future__ import annotations

from pathlib import Path

from .cloud import Cloud
from .context import is_own
from .engine import Engine, EngineUnreachable, connect
from .engines import KINDS, Kind, kind_of
from .errors import Refusal
from .projection import LABEL_CLOUD
from .shapes import Json


def engine_of(request: Json, cloud: Cloud) -> Engine:
    """The engine that a request is about; EngineUnreachable when it does not answer, Refusal when the cloud
    is in another engine of this host."""
    refuse_elsewhere(cloud, kind_of(request["engine"]))
    return connect(request["engine"])


def refuse_elsewhere(cloud: Cloud, kind: Kind) -> None:
    """Refusal when another engine has containers or volumes of the cloud: they would be forgotten, and the
    cloud made a second time beside them, empty."""
    for other in KINDS.values():
        # podman-docker(1) has podman answer under the name of Docker's socket.
        if other == kind or Path(other.socket).resolve() == Path(kind.socket).resolve():
            continue
        try:
            # With the patience of any call: one that is busy is neither in the way nor overlooked.
            engine = connect(other.name)
        except EngineUnreachable:
            continue
        found = [f"container {name}" for name in sorted(own_containers(engine, cloud))]
        found += [f"volume {each['Name']}" for each in engine.volumes(f"{LABEL_CLOUD}={cloud.id}")]
        if found:
            raise Refusal(
                "engine",
                f"kolla_container_engine is {kind.name}, and {other.name} has this cloud on this host: "
                f"{', '.join(found[:3])}{' and more' if len(found) > 3 else ''}",
                hint=f"set kolla_container_engine: {other.name}; kolla destroy then takes the cloud away",
            )


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
