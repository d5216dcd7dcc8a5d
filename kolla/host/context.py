"""What every operation of a run works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .cloud import Cloud
from .engine import Engine
from .errors import OperationFailed
from .manifest import Manifest
from .projection import LABEL_CLOUD
from .shapes import Json


@dataclass(frozen=True)
class Context:
    """The cloud, its engine, what it made so far, and the files that came with the request."""

    cloud: Cloud
    engine: Engine
    manifest: Manifest
    bundle: Mapping[str, str]
    """SHA-256 of a file -> its content, base64."""
    login: Mapping[str, str] | None = None
    """`username` and `password` for the registry of images."""

    def own_container(self, name: str) -> Json | None:
        """This cloud's container of that name, None without one; OperationFailed for a stranger's."""
        container = self.engine.inspect(name)
        if container is None or is_own(container["Config"]["Labels"], self.cloud):
            return container
        raise OperationFailed(
            f"a container called '{name}' exists that this cloud did not make; remove or rename it"
        )


@dataclass(frozen=True)
class Outcome:
    """How an operation ended well: `done`, or `skipped` because there was nothing to do."""

    status: str = "done"
    message: str = ""
    log: list[str] = field(default_factory=list)


SKIPPED = Outcome("skipped")


def is_own(labels: Mapping[str, str] | None, cloud: Cloud) -> bool:
    """Whether something with these labels belongs to the cloud."""
    return (labels or {}).get(LABEL_CLOUD) == cloud.id
