"""What differs between container engines as programs of a host: a row for each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .errors import Refusal


@dataclass(frozen=True)
class Kind:
    """A container engine: where it is found, how it is installed, started and told whom to trust."""

    name: str
    """As in `kolla_container_engine`; also the program of its client."""
    socket: str
    oldest: tuple[int, int]
    """The oldest version that does everything asked of it."""
    packages: tuple[str, ...]
    if_known: tuple[str, ...]
    """Packages of their own in newer distributions."""
    daemon: tuple[str, ...]
    """What is run where systemd is not."""
    log: Path
    """Where that writes to."""
    pid_file: Path | None
    """None: whoever listens on the socket is it."""
    units: tuple[str, ...]
    """What is enabled and started where systemd is."""
    stopped: tuple[str, ...]
    """What is disabled and stopped at the end."""
    restarted: tuple[str, ...]
    """What is started again, if it runs, to have it read its registries anew; none: a signal does."""
    boot: str
    """The unit that starts containers with the host."""
    after_start: tuple[str, ...]
    """What starts those that ran before, where systemd is not and the daemon does not do it."""
    mark: str
    """Before the words in the manifest that say how it was started."""
    certificates: Path
    """Where it looks for who signs the certificate of a registry: `HOST[:PORT]/ca.crt`."""


DOCKER = Kind(
    name="docker",
    socket="/var/run/docker.sock",
    oldest=(20, 10),
    packages=("docker.io", "iptables"),
    # The client for people and for building images.
    if_known=("docker-cli", "docker-buildx"),
    daemon=("dockerd",),
    log=Path("/var/log/kolla-dockerd.log"),
    pid_file=Path("/var/run/docker.pid"),
    units=("docker.service",),
    stopped=("docker.service", "docker.socket"),
    restarted=(),
    boot="docker.service",
    after_start=(),
    mark="",
    certificates=Path("/etc/docker/certs.d"),
)
PODMAN = Kind(
    name="podman",
    socket="/run/podman/podman.sock",
    oldest=(5, 0),
    packages=("podman", "ca-certificates"),
    if_known=(),
    daemon=("podman", "system", "service", "--time=0", "unix:///run/podman/podman.sock"),
    log=Path("/var/log/kolla-podman.log"),
    pid_file=None,
    units=("podman.socket",),
    stopped=("podman.socket", "podman.service"),
    restarted=("podman.service",),
    boot="podman-restart.service",
    # What podman-restart.service does.
    after_start=("podman", "start", "--all", "--filter", "restart-policy=always"),
    mark="podman ",
    certificates=Path("/etc/containers/certs.d"),
)
KINDS = {kind.name: kind for kind in (DOCKER, PODMAN)}


def kind_of(name: str) -> Kind:
    """The engine of that name; Refusal for an unknown one."""
    if name not in KINDS:
        raise Refusal("request", f"unknown engine '{name}'; known: {', '.join(KINDS)}")
    return KINDS[name]


def numbers(version: str) -> tuple[int, ...]:
    """The first two numbers of a version, to compare with `oldest`."""
    return tuple(int(digits) for digits in re.findall(r"\d+", version)[:2])
