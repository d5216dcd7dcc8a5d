"""A new service that works as it is: to be changed step by step into the one that is wanted."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from string import Template

from kolla.catalogue.catalogue import Catalogue
from kolla.errors import InputError, Location

FILES = Path(__file__).parent / "files"

PLACES = {
    "service.yml": "service.yml",
    "image/api": "image/$name-api",
    "config/config.json.j2": "config/$name.json.j2",
}
"""File of the skeleton -> its name in the folder of a service."""

NAME = re.compile(r"[a-z][a-z0-9-]*")

FIRST_PORT = 9500
FIRST_UID = 43000
"""Above the numbers that the field has given to users of images."""


def write(name: str, directory: Path, catalogue: Catalogue) -> tuple[Path, ...]:
    """Write the folder `name` below `directory`; the files written.

    Its port, and the number of its user, are the first that no service of `catalogue` has. InputError when
    the name cannot be one, is another service's, or the folder exists.
    """
    if not NAME.fullmatch(name):
        raise InputError(f"'{name}' cannot be a service's name", expected="small letters, digits and dashes")
    if name in catalogue.folders:
        raise InputError(
            f"there is a service '{name}' already",
            where=catalogue.where(name, "name"),
            hint="take another name",
        )
    folder = directory / name
    if folder.exists():
        raise InputError("it exists already", where=Location(folder), hint="take another name, or remove it")
    words = {
        "name": name,
        "key": name.replace("-", "_"),
        "title": name.replace("-", " ").capitalize(),
        "port": str(_first(FIRST_PORT, _ports(catalogue))),
        "uid": str(_first(FIRST_UID, _uids(catalogue))),
    }
    return tuple(
        _file(source, folder / Template(place).substitute(words), words) for source, place in PLACES.items()
    )


def _file(source: str, path: Path, words: dict[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(Template((FILES / source).read_text()).substitute(words))
    return path


def _first(start: int, taken: Collection[int]) -> int:
    while start in taken:
        start += 1
    return start


def _ports(catalogue: Catalogue) -> set[int]:
    settings = [s for folder in catalogue.folders.values() for s in folder.service.settings.values()]
    return {s.default for s in settings if s.type == "port" and isinstance(s.default, int)}


def _uids(catalogue: Catalogue) -> set[int]:
    users = [user for folder in catalogue.folders.values() for user in folder.service.users.values()]
    return {number for user in users for number in (user.uid, user.gid) if number is not None}
