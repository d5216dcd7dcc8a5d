"""What only one service may have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from kolla.catalogue.catalogue import Catalogue, groups_of
from kolla.catalogue.checks.parts import Place, mounting
from kolla.catalogue.model import ServiceFolder
from kolla.errors import InputError

_Claims = Callable[[ServiceFolder], Iterable[tuple[str, Place]]]


def between_services(catalogue: Catalogue) -> Iterator[InputError]:
    """What only one service may have, claimed by two (or twice by one)."""
    for kind, claims in _CLAIMS.items():
        claimed: dict[str, tuple[ServiceFolder, Place]] = {}
        for folder in catalogue.folders.values():
            for name, path in claims(folder):
                if name not in claimed:
                    claimed[name] = (folder, path)
                    continue
                first, first_path = claimed[name]
                yield InputError(
                    f"{kind} '{name}' is already taken by service '{first.name}'",
                    where=catalogue.where(folder.name, *path),
                    hint=f"see {catalogue.where(first.name, *first_path)}",
                )


def _keys(folder: ServiceFolder) -> Iterator[tuple[str, Place]]:
    service = folder.service
    yield from ((name, ("settings", name)) for name in service.settings)
    yield from ((name, ("passwords", name)) for name in service.passwords)
    yield from ((f"{name}_database_password", ("databases", i)) for i, name in enumerate(service.databases))


def _volumes(folder: ServiceFolder) -> Iterator[tuple[str, Place]]:
    """Each volume once: containers and jobs of one service may share one."""
    first: dict[str, Place] = {}
    for path, part in mounting(folder.service):
        for volume in part.volumes:
            first.setdefault(volume, (*path, "volumes", volume))
    yield from first.items()


def _ports(folder: ServiceFolder) -> Iterator[tuple[str, Place]]:
    for name, setting in folder.service.settings.items():
        if setting.type == "port" and isinstance(setting.default, int):
            yield str(setting.default), ("settings", name, "default")


_CLAIMS: dict[str, _Claims] = {
    "key": _keys,
    "port": _ports,
    "volume": _volumes,
    "image": lambda folder: ((name, ("images", name)) for name in folder.service.images),
    "container": lambda folder: ((name, ("containers", name)) for name in folder.service.containers),
    "endpoint": lambda folder: ((name, ("endpoints", name)) for name in folder.service.endpoints),
    "group": lambda folder: ((name, ("groups", name)) for name in groups_of(folder)),
    "user": lambda folder: ((name, ("users", name)) for name in folder.service.users),
    "uid": lambda folder: (
        (str(user.uid), ("users", name, "uid")) for name, user in folder.service.users.items()
    ),
    "gid": lambda folder: (
        (str(user.uid if user.gid is None else user.gid), ("users", name))
        for name, user in folder.service.users.items()
    ),
    "verb": lambda folder: ((name, ("verbs", name)) for name in folder.service.verbs),
    "database": lambda folder: ((name, ("databases", i)) for i, name in enumerate(folder.service.databases)),
}
