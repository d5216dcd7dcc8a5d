"""Where the volumes of services are: under their own names, or where the settings say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from kolla.errors import InputError, did_you_mean, raise_all
from kolla.settings import Settings
from kolla.state.spec import Mount

KEY = "volume_names"
EMPTY = "empty_volumes"
"""The setting that names volumes which may begin empty elsewhere."""
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


def data(settings: Settings) -> frozenset[str]:
    """The engine's volumes whose content is missed where a container of theirs starts without it.

    Not logs, not what is each host's own, not those that may begin empty.
    """
    spared = [str(name) for name in settings.scope(None)[EMPTY]]
    names = {
        volume
        for folder in settings.services
        for container in folder.service.containers.values()
        for volume in container.volumes
        if volume not in folder.service.host_volumes and volume not in spared
    }
    return frozenset(volumes(settings, names - {LOGS}))


def former(settings: Settings) -> dict[str, str]:
    """The engine's volume -> the one that had its content before the catalogue renamed it."""
    return {
        place_: before
        for folder in settings.services
        for volume, before in folder.service.formerly.items()
        if is_volume(place_ := place(settings, volume)) and place_ != before
    }


def check(settings: Settings) -> None:
    """InputErrors for volumes in the settings that no service has, and for places that cannot be."""
    raise_all(list(_mistakes(settings)))


def _mistakes(settings: Settings) -> Iterator[InputError]:
    containers = (c for f in settings.catalogue.folders.values() for c in f.service.containers.values())
    known = {LOGS, *(volume for container in containers for volume in container.volumes)}
    for volume in settings.scope(None)[EMPTY]:
        if str(volume) not in known:
            yield InputError(
                f"no service has a volume '{volume}'",
                where=settings.globals.where(EMPTY),
                hint=did_you_mean(str(volume), known),
            )
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
