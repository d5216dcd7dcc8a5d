"""Containers that Kolla-Ansible made: set aside while ours take their place, put back, or removed.

They are known by a label of every image it deploys. On hosts with systemd each has a unit of its own, which
would start it again: unit and container go and come back together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from . import commands
from .engine import Engine
from .errors import OperationFailed, Refusal
from .projection import LABEL_CLOUD
from .shapes import Json

LABEL = "kolla_version"
"""On every image that it deploys; it finds its containers by this label itself."""
ASIDE = ".before"
"""What the name of one that made way ends in."""
UNITS = Path("/etc/systemd/system")
STOP_TIMEOUT = 60
"""Seconds: its default for `docker_graceful_timeout`; it does not tell the engine about it."""


def is_one(labels: Mapping[str, str] | None) -> bool:
    """Whether a container with these labels is Kolla-Ansible's, and no cloud of ours has it."""
    return LABEL in (labels or {}) and LABEL_CLOUD not in (labels or {})


def observe(listed: Iterable[Json]) -> dict[str, str]:
    """Name -> image, from the engine's short forms; of one set aside, the name it had."""
    return {
        container["Names"][0].lstrip("/").removesuffix(ASIDE): container["Image"]
        for container in listed
        if is_one(container["Labels"])
    }


def not_aside(names: Iterable[str], engine: Engine) -> list[str]:
    """Of `names`, those that were not set aside."""
    return [name for name in names if _under_own_name(name, engine)]


def set_aside(names: Iterable[str], timeout: int, engine: Engine) -> None:
    """Stop containers, within `timeout` seconds at least, and give them other names."""
    for name in not_aside(names, engine):
        _unit(name, "disable", "--now")
        engine.stop(name, max(timeout, STOP_TIMEOUT))
        engine.rename(name, name + ASIDE)


def put_back(names: Iterable[str], engine: Engine) -> None:
    """Give those that were set aside their names again and start them; the names must be free."""
    for name in names:
        if engine.inspect(name + ASIDE) is not None:
            engine.rename(name + ASIDE, name)
        container = _under_own_name(name, engine)
        if container and not container["State"]["Running"] and not _unit(name, "enable", "--now"):
            engine.start(name)


def forget(names: Iterable[str], engine: Engine) -> None:
    """Remove those that were set aside, and their units; their volumes stay."""
    for name in names:
        container = engine.inspect(name + ASIDE)
        if container is None:
            continue
        if not is_one(container["Config"]["Labels"]):
            raise OperationFailed(f"'{name + ASIDE}' is none of Kolla-Ansible's containers; rename it")
        engine.remove(name + ASIDE)
        if _unit_path(name).exists():
            _unit_path(name).unlink()
            _systemctl("daemon-reload")


def _under_own_name(name: str, engine: Engine) -> Json | None:
    container = engine.inspect(name)
    return container if container and is_one(container["Config"]["Labels"]) else None


def _unit_path(name: str) -> Path:
    return UNITS / f"kolla-{name}-container.service"


def _unit(name: str, *action: str) -> bool:
    """Do something to a container's unit; False when it has none."""
    path = _unit_path(name)
    if path.exists():
        _systemctl(*action, path.name)
    return path.exists()


def _systemctl(*arguments: str) -> None:
    try:
        commands.run("systemctl", *arguments)
    except Refusal as refusal:
        raise OperationFailed(str(refusal), refusal.details.get("log")) from None
