"""Where the volumes of services are: under their own names, or where the settings say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from kolla.errors import InputError, did_you_mean, raise_all
from kolla.settings import Settings
from kolla.state.spec import Mount

KEY = "volume_names"
LOGS = "kolla_logs"
"""The volume that every container writes its logs to. Two clouds on one host need two of them."""
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")


def place(settings: Settings, volume: str) -> str:
    """Name of the engine's volume that stands for a service's, or an absolute path of the host."""
    return str(settings.scope(None)[KEY].get(volume, volume))


def is_volume(place_: str) -> bool:
    """Whether a place is a volume of the engine."""
    return not place_.startswith("/")


def mount(settings: Settings, volume: str, target: str) -> Mount:
    """A service's volume, seen inside a container at `target`."""
    source = place(settings, volume)
    return Mount(type="volume" if is_volume(source) else "bind", source=source, target=target)


def volumes(settings: Settings, names: Iterable[str]) -> tuple[str, ...]:
    """The engine's volumes that stand for some of a service's; directories of the host are left out."""
    return tuple(found for name in names if is_volume(found := place(settings, name)))


def check(settings: Settings) -> None:
    """InputErrors for volumes in the setting that no service has, and for places that cannot be."""
    raise_all(list(_mistakes(settings)))


def _mistakes(settings: Settings) -> Iterator[InputError]:
    containers = (c for f in settings.catalogue.folders.values() for c in f.service.containers.values())
    known = {LOGS, *(volume for container in containers for volume in container.volumes)}
    for volume, place_ in settings.scope(None)[KEY].items():
        where = settings.globals.where(KEY, volume)
        if volume not in known:
            yield InputError(
                f"no service has a volume '{volume}'", where=where, hint=did_you_mean(volume, known)
            )
        elif not isinstance(place_, str) or not (place_.startswith("/") or _NAME.fullmatch(place_)):
            yield InputError(
                f"'{place_}' is no place for volume '{volume}'",
                where=where,
                expected="the name of a volume, or a directory of the hosts: /var/lib/nova",
            )
