"""What the settings change of the catalogue's images: image_overrides, image_users, image_templates.

Catalogue and settings in, catalogue out, so whatever reads the catalogue afterwards sees one thing: the
image graph, identities, the desired state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from kolla.catalogue import checks
from kolla.catalogue.catalogue import Catalogue, Part
from kolla.catalogue.mistakes import translate
from kolla.catalogue.model import Binary, Image, Key, Model, Name, ServiceFolder, User
from kolla.errors import InputError, Location, did_you_mean, raise_all
from kolla.settings.globals import Globals

IMAGES = "image_overrides"
USERS = "image_users"
TEMPLATES = "image_templates"

COMMANDS = "commands"
"""The block of templates that is inside of a RUN instruction."""

_Where = Callable[..., Location]


@dataclass(frozen=True)
class Block:
    """Text the settings add to a block of an image's template."""

    text: str
    where: Location


class ListChange(Model):
    """What becomes of a list: taken whole, or items taken away and added."""

    append: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    replace: tuple[str, ...] | None = None


class MappingChange(Model):
    """The same of a mapping; items are taken away by their key."""

    append: dict[str, str] = {}
    remove: tuple[str, ...] = ()
    replace: dict[str, str] | None = None


class BinaryOverride(Model):
    """What the settings change of what an image has in install type `binary`."""

    packages: ListChange = ListChange()
    unpacked: ListChange = ListChange()
    links: MappingChange = MappingChange()


class ImageOverride(Model):
    """What the settings change of one image; the words are those of `images:` in a service.yml."""

    parent: Name | None = None
    user: Name | None = None
    dockerfile: str | None = None
    packages: ListChange = ListChange()
    unpacked: ListChange = ListChange()
    python: ListChange = ListChange()
    binary: BinaryOverride = BinaryOverride()
    directories: MappingChange = MappingChange()
    files: MappingChange = MappingChange()
    copies: MappingChange = MappingChange()
    links: MappingChange = MappingChange()
    blocks: dict[Key, str] = {}
    """Text added to the end of blocks of the image's template."""


class UserNumbers(Model):
    """Numbers of an operating system user, instead of those its service names."""

    uid: int = Field(gt=0)
    gid: int | None = Field(default=None, gt=0)


def customised(settings: Globals) -> Catalogue:
    """The catalogue the settings were read with, as they change it.

    InputErrors names everything that does not fit, in the file it was written in.
    """
    overrides = settings.parsed(IMAGES, dict[str, ImageOverride])
    users = settings.parsed(USERS, dict[str, UserNumbers])
    directories = template_directories(settings)
    if not (overrides or users or directories):
        return settings.catalogue
    raise_all([*_unknown(settings, overrides, users), *_misplaced(settings, directories)])
    raise_all(list(_ignored(settings, overrides)))
    folders: dict[str, ServiceFolder] = {}
    for name, folder in settings.catalogue.folders.items():
        service = folder.service
        images = {
            image: _image(settings, image, data, overrides[image]) if image in overrides else data
            for image, data in service.images.items()
        }
        numbered = {
            user: data.model_copy(update=users[user].model_dump()) if user in users else data
            for user, data in service.users.items()
        }
        overlays = tuple(path / name / "image" for path in directories if (path / name).is_dir())
        changed = service.model_copy(update={"images": images, "users": numbered})
        folders[name] = ServiceFolder(service=changed, path=folder.path, overlays=overlays)
    catalogue = settings.catalogue.changed(folders, _places(settings, overrides, users))
    raise_all(list(checks.check(catalogue)))
    return catalogue


def blocks(settings: Globals) -> dict[str, dict[str, Block]]:
    """The blocks of image_overrides, each text ending its line. InputError for shell that is no part of the
    command it is added to."""
    found: dict[str, dict[str, Block]] = {}
    for image, override in settings.parsed(IMAGES, dict[str, ImageOverride]).items():
        for name, text in override.blocks.items():
            where = settings.where(IMAGES, image, "blocks", name)
            lines = text.rstrip().splitlines()
            if name == COMMANDS and not all(line.rstrip().endswith("; \\") for line in lines):
                raise InputError(
                    f"image '{image}': '{name}' is part of one RUN instruction",
                    where=where,
                    expected="shell commands, each line ending with '; \\'",
                )
            found.setdefault(image, {})[name] = Block("".join(f"{line}\n" for line in lines), where)
    return found


def template_directories(settings: Globals) -> tuple[Path, ...]:
    """The directories of image_templates, in their order; InputError for one that is not there."""
    found = []
    for index, name in enumerate(settings.value(TEMPLATES)):
        if not isinstance(name, str) or not Path(name).is_absolute() or not Path(name).is_dir():
            raise InputError(
                f"{TEMPLATES}: there is no directory '{name}'",
                where=settings.where(TEMPLATES, index),
                expected="the absolute path of a directory on this machine",
            )
        found.append(Path(name))
    return tuple(found)


def renumbered(settings: Globals) -> Iterator[str]:
    """A warning for each user that has other numbers than the catalogue gives it."""
    for name, numbers in settings.parsed(USERS, dict[str, UserNumbers]).items():
        for user in (
            f.service.users[name] for f in settings.catalogue.folders.values() if name in f.service.users
        ):
            before, after = _numbers(user), _numbers(numbers)
            if before != after:
                yield (
                    f"{settings.where(USERS, name)}: user '{name}' is {after} instead of {before}; "
                    f"files in volumes of a cloud that runs already keep belonging to {before}"
                )


def _numbers(user: User | UserNumbers) -> str:
    return f"{user.uid}:{user.uid if user.gid is None else user.gid}"


def _unknown(
    settings: Globals, overrides: Mapping[str, ImageOverride], users: Mapping[str, UserNumbers]
) -> Iterator[InputError]:
    folders = settings.catalogue.folders.values()
    images = [image for folder in folders for image in folder.service.images]
    named = [user for folder in folders for user in folder.service.users]
    for key, kind, given, known in ((IMAGES, "image", overrides, images), (USERS, "user", users, named)):
        for name in given:
            if name not in known:
                hint = did_you_mean(name, known)
                yield InputError(f"there is no {kind} '{name}'", where=settings.where(key, name), hint=hint)


def _ignored(settings: Globals, overrides: Mapping[str, ImageOverride]) -> Iterator[InputError]:
    """Changes to Python distributions of images that have the distribution's packages in their place."""
    if settings.value("kolla_install_type") != "binary":
        return
    for name, override in overrides.items():
        is_binary = settings.catalogue.image(name)[1].binary or "binary" in override.model_fields_set
        if is_binary and "python" in override.model_fields_set:
            yield InputError(
                f"image '{name}' has nothing from PyPI: kolla_install_type is binary",
                where=settings.where(IMAGES, name, "python"),
                expected="binary: {packages: {append: [...]}} with packages of the distribution, "
                "or kolla_install_type: source",
            )


def _misplaced(settings: Globals, directories: tuple[Path, ...]) -> Iterator[InputError]:
    """Folders laid over services that do not exist."""
    services = settings.catalogue.folders
    paths = (path for directory in directories for path in sorted(directory.iterdir()))
    for path in paths:
        if path.is_dir() and not path.name.startswith(".") and path.name not in services:
            yield InputError(
                f"there is no service '{path.name}' for these templates",
                where=Location(path),
                expected="SERVICE/image/FILE, as below kolla/services",
                hint=did_you_mean(path.name, services),
            )


def _image(settings: Globals, name: str, image: Image, override: ImageOverride) -> Image:
    """The image with its changes; InputErrors for what cannot be changed like that."""

    def where(*steps: str | int) -> Location:
        return settings.where(IMAGES, name, *steps)

    data = image.model_dump(by_alias=True)
    data |= _changes(settings, name, data, override, where)
    try:
        return Image.model_validate(data)
    except ValidationError as error:
        raise_all(list(translate(error, Image, lambda path: where(*path[:1]), lambda _: None)))
        raise


def _changes(
    settings: Globals, subject: str, now: Mapping[str, Any], override: Model, where: _Where
) -> dict[str, Any]:
    """The words of `now` that `override` changes, as they are then."""
    changed: dict[str, Any] = {}
    for word in override.model_fields_set - {"blocks"}:
        change, about = getattr(override, word), f"{subject}: {word}"
        if word in ("packages", "unpacked"):
            distribution = settings.distribution
            packages = distribution.packages(now[word])
            changed[word] = {distribution.name: _changed_list(packages, change, about, where, word)}
        elif isinstance(change, ListChange):
            changed[word] = _changed_list(now[word], change, about, where, word)
        elif isinstance(change, MappingChange):
            changed[word] = _changed_mapping(now[word], change, about, where, word)
        elif isinstance(change, BinaryOverride):
            own = now[word] or Binary().model_dump()
            changed[word] = {**own, **_changes(settings, about, own, change, partial(where, word))}
        else:
            changed[word] = change
    return changed


def _changed_list(
    now: tuple[str, ...], change: ListChange, subject: str, where: _Where, word: str
) -> tuple[str, ...]:
    _check(now, change, subject, where, word)
    if change.replace is not None:
        return change.replace
    kept = [item for item in now if item not in change.remove]
    return tuple(dict.fromkeys([*kept, *change.append]))


def _changed_mapping(
    now: Mapping[str, str], change: MappingChange, subject: str, where: _Where, word: str
) -> dict[str, str]:
    _check(now, change, subject, where, word)
    if change.replace is not None:
        return change.replace
    return {key: value for key, value in now.items() if key not in change.remove} | change.append


def _check(now: Any, change: ListChange | MappingChange, subject: str, where: _Where, word: str) -> None:
    if change.replace is not None and (change.append or change.remove):
        raise InputError(
            f"{subject}: 'replace' beside 'append' or 'remove'",
            where=where(word),
            expected="either the whole list, or what to add and to take away",
        )
    for index, item in enumerate(change.remove):
        if item not in now:
            raise InputError(
                f"{subject}: there is no '{item}' to remove",
                where=where(word, "remove", index),
                expected=f"one of {', '.join(now)}" if now else "nothing: it is empty",
                hint=did_you_mean(item, now),
            )


def _places(
    settings: Globals, overrides: Mapping[str, ImageOverride], users: Mapping[str, UserNumbers]
) -> dict[Part, Location]:
    """Where each changed part of a service was written."""
    places: dict[Part, Location] = {}
    for folder in settings.catalogue.folders.values():
        for image in folder.service.images.keys() & overrides.keys():
            override = overrides[image]
            words = [(word,) for word in override.model_fields_set - {"binary"}]
            for path in (*words, *(("binary", word) for word in override.binary.model_fields_set)):
                places[folder.name, "images", image, *path] = settings.where(IMAGES, image, *path)
        for user in folder.service.users.keys() & users.keys():
            places[folder.name, "users", user] = settings.where(USERS, user)
    return places
