"""What a container wrote last."""

from __future__ import annotations

from .cloud import Cloud
from .engine import connect
from .own import check_own, own_containers
from .shapes import Json


def logs(request: Json) -> Json:
    """The last `lines` lines of a container of the cloud."""
    cloud, engine = Cloud.of(request), connect(request["engine"])
    check_own([request["container"]], own_containers(engine, cloud))
    return {"lines": engine.log(request["container"], request["lines"])}
