"""What a container wrote last."""

from __future__ import annotations

from .cloud import Cloud
from .own import check_own, engine_of, own_containers
from .shapes import Json
from .written import written


def logs(request: Json) -> Json:
    """The last `lines` lines of a container of the cloud, and as many of its log file."""
    cloud = Cloud.of(request)
    engine = engine_of(request, cloud)
    name = request["container"]
    check_own([name], own_containers(engine, cloud))
    container = engine.inspect(name)
    return {"lines": written(container, request["lines"], engine) if container else []}
