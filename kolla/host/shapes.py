"""The JSON documents that travel between controller and host, as types.

They mirror `kolla/state/{spec,plan,host_state}.py`; a test holds the two together.
"""

from __future__ import annotations

from typing import Any, TypedDict

Json = dict[str, Any]


class Mount(TypedDict):
    """A mount; `source` is empty for a tmpfs."""

    type: str
    source: str
    target: str
    read_only: bool
    propagation: str


class HealthCheck(TypedDict):
    """A health check; times in seconds."""

    command: list[str]
    interval: int
    timeout: int
    retries: int


class Spec(TypedDict):
    """Everything asked of the engine for one container."""

    name: str
    image: str
    environment: dict[str, str]
    mounts: list[Mount]
    network: str
    pid_mode: str
    cgroup_mode: str
    devices: list[str]
    capabilities: list[str]
    security_options: list[str]
    restart_policy: str
    stop_timeout: int
    health: HealthCheck | None


class FileEntry(TypedDict):
    """A file of a configuration folder, its content named by digest."""

    name: str
    sha256: str


class Folder(TypedDict):
    """A configuration folder."""

    path: str
    files: list[FileEntry]


class Operation(TypedDict):
    """What every operation has."""

    id: str
    kind: str
    service: str
    after: list[str]
    timeout: int
    beside: str


class Resources(TypedDict):
    """What a service needs of a host itself."""

    modules: list[str]
    sysctls: dict[str, str]
    shared_mounts: list[str]
    directories: dict[str, str]
    files: dict[str, str]
    at_destroy: dict[str, list[str]]
    firewall: list[str]


class HostOperation(Operation):
    """Have what a service needs of a host itself."""

    resources: Resources


class ImageOperation(Operation):
    """Have an image."""

    image: str
    reference: str
    digest: str | None


class DiscardOperation(Operation):
    """Have no such image, unless somebody else needs it."""

    image: str


class VolumeOperation(Operation):
    """Have a volume with an epoch."""

    volume: str
    epoch: str
    adopt: bool
    owner: int
    source: str
    stops: list[str]


class ContainerOperation(Operation):
    """Have a container run with a spec and a folder."""

    action: str
    spec: Spec
    folder: Folder
    generation: int
    start_timeout: int
    replaces: list[str]
    reload: list[list[str]]
    update_order: str


class RemoveOperation(Operation):
    """Have no such container."""

    container: str
    folder: str


class StopOperation(Operation):
    """Have a container not run."""

    container: str


class MemberOperation(Operation):
    """Have a host out of the proxy, or in it."""

    action: str
    container: str
    command: list[str]


class JobOperation(Operation):
    """Have run a job."""

    job: str
    key: str
    epochs: dict[str, str]
    spec: Spec
    folder: Folder
    record: bool
    renews: dict[str, str]
    success: list[int]


class EndpointOperation(Operation):
    """See an endpoint answer."""

    address: str
    port: int
    http: str | None
    send: str | None
    greets: bool


class StartOperation(Operation):
    """Have a container started, or started anew."""

    container: str
    again: bool
    start_timeout: int


class SoakOperation(Operation):
    """See containers run and be healthy for some time."""

    seconds: int
    containers: list[str]


class ReleaseOperation(Operation):
    """Have an upgrade on record, or none."""

    change: dict[str, str] | None
    forgets: list[str]
