"""Everything we ask of a container engine for one container, and its identity."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from kolla.catalogue.model import Model
from kolla.catalogue.privileges import START_CAPABILITIES

SPEC_VERSION = 2


NO_NEW_PRIVILEGES = "no-new-privileges"


class Mount(Model):
    """A mount. `source` is a volume name, a path on the host, or empty for a tmpfs."""

    type: Literal["volume", "bind", "tmpfs"]
    source: str = ""
    target: str
    read_only: bool = False
    propagation: Literal["private", "shared", "slave"] = "private"


class HealthCheck(Model):
    """The test the engine repeats, and that decides ready after a start."""

    command: tuple[str, ...]
    interval: int
    timeout: int
    retries: int


class ContainerSpec(Model):
    """A container as asked of the engine. Field order does not matter: hashing sorts keys."""

    name: str
    """Name in the engine: `nova_compute`."""
    image: str
    """Image ID (`sha256:...`), not a tag: a tag can move."""
    environment: dict[str, str] = {}
    mounts: tuple[Mount, ...] = ()
    """Sorted by target."""
    network: str = "host"
    pid_mode: str = ""
    cgroup_mode: str = "private"
    """Always asked for: what an engine does by itself differs between versions of cgroups."""
    devices: tuple[str, ...] = ()
    """Sorted paths, the same inside and outside."""
    capabilities: tuple[str, ...] = START_CAPABILITIES
    """Sorted; every other one is dropped."""
    security_options: tuple[str, ...] = (NO_NEW_PRIVILEGES,)
    """Sorted, in the words of the engine's command line."""
    restart_policy: Literal["unless-stopped", "no"] = "unless-stopped"
    stop_timeout: int = 10
    health: HealthCheck | None = None

    def canonical(self) -> str:
        """Canonical JSON: sorted keys, no white space, version included."""
        document = {"version": SPEC_VERSION, **self.model_dump(mode="json")}
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical form, hexadecimal; the label `kolla.spec`."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()
