"""What `config.json` may say, read into values. Pure: looks at no other file and at no user database."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from .errors import MalformedConfiguration, RuntimeFault

_PERM = re.compile(r"(0o)?[0-7]{3,4}")


@dataclass(frozen=True)
class Owner:
    """A user and a group, by name."""

    user: str
    group: str
    where: str = field(default="", compare=False)
    """File and item that names them, for messages."""


@dataclass(frozen=True)
class ConfigFile:
    """A file or directory to place. Without `owner` and `mode` the source's own are kept."""

    source: str
    """Absolute; may be a glob."""
    dest: str
    """Ends in `/` when it is the directory to place into."""
    owner: Owner | None
    mode: int | None
    optional: bool
    merge: bool
    preserve_properties: bool
    where: str = field(default="", compare=False)


@dataclass(frozen=True)
class Made:
    """A directory, or an empty file, to make when missing."""

    path: str
    owner: Owner
    mode: int


@dataclass(frozen=True)
class Permission:
    """Owner and mode for paths that are there already."""

    path: str
    """Absolute; may be a glob."""
    owner: Owner
    mode: int | None
    recurse: bool
    exclude: tuple[re.Pattern[str], ...]
    """Under `recurse`: paths in which any of these is found stay as they are."""


@dataclass(frozen=True)
class Configuration:
    """A whole `config.json`."""

    command: str
    user: str | None = None
    """User the command runs as; None: the image's own."""
    config_files: tuple[ConfigFile, ...] = ()
    directories: tuple[Made, ...] = ()
    files: tuple[Made, ...] = ()
    permissions: tuple[Permission, ...] = ()


def load(folder: Path) -> Configuration:
    """Read `config.yaml` of `folder` if there is one, else its `config.json`.

    Raises RuntimeFault when there is neither, or when what is required is missing;
    MalformedConfiguration for anything that may not be said.
    """
    path = folder / "config.yaml"
    if not path.exists():
        path = folder / "config.json"
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise RuntimeFault(f"{path}: there is no such file") from None
    return parse(_decode(text, path), str(path))


def parse(document: Any, where: str) -> Configuration:
    """The configuration that `document` (decoded JSON) describes; `where` is the file, for messages."""
    top = _Item(document, where, [each.name for each in fields(Configuration)])
    command = top.text("command")
    if not command.strip():
        raise RuntimeFault(f"{where}: command: must not be empty")
    return Configuration(
        command=command,
        user=top.text("user", required=False),
        config_files=tuple(_config_file(item) for item in top.items("config_files", _CONFIG_FILE_KEYS)),
        directories=tuple(_made(item) for item in top.items("directories", _MADE_KEYS)),
        files=tuple(_made(item) for item in top.items("files", _MADE_KEYS)),
        permissions=tuple(_permission(item) for item in top.items("permissions", _PERMISSION_KEYS)),
    )


_CONFIG_FILE_KEYS = ("source", "dest", "owner", "perm", "optional", "merge", "preserve_properties")
_MADE_KEYS = ("path", "owner", "perm")
_PERMISSION_KEYS = ("path", "owner", "perm", "recurse", "exclude")


def _config_file(item: _Item) -> ConfigFile:
    preserve = item.flag("preserve_properties")
    return ConfigFile(
        source=item.path("source"),
        dest=item.path("dest"),
        owner=None if preserve else item.owner(),
        mode=None if preserve else item.mode(),
        optional=item.flag("optional"),
        merge=item.flag("merge"),
        preserve_properties=preserve,
        where=item.where,
    )


def _made(item: _Item) -> Made:
    mode = item.mode()
    assert mode is not None
    return Made(path=item.path("path"), owner=item.owner(), mode=mode)


def _permission(item: _Item) -> Permission:
    return Permission(
        path=item.path("path"),
        owner=item.owner(),
        mode=item.mode(required=False),
        recurse=item.flag("recurse"),
        exclude=item.patterns("exclude"),
    )


class _Item:
    """A mapping of the document with its place, handing out checked values."""

    def __init__(self, data: Any, where: str, keys: Iterable[str]) -> None:
        self.where = where
        if not isinstance(data, Mapping):
            raise MalformedConfiguration(f"{where}: must be a mapping, not {_kind(data)}")
        self._data = data
        keys = list(keys)
        for key in data:
            if key not in keys:
                raise MalformedConfiguration(f"{where}: {key}: unknown key{_nearest(str(key), keys)}")

    def _fail(self, key: str, problem: str) -> MalformedConfiguration:
        return MalformedConfiguration(f"{self.where}: {key}: {problem}")

    def text(self, key: str, *, required: bool = True) -> Any:
        value = self._data.get(key)
        if value is None:
            if required:
                raise RuntimeFault(f"{self.where}: {key}: is required")
            return None
        if not isinstance(value, str):
            raise self._fail(key, f"must be a string, not {_kind(value)}")
        return value

    def path(self, key: str) -> str:
        value: str = self.text(key)
        if not value.startswith("/"):
            raise self._fail(key, f"must be an absolute path, not '{value}'")
        return value

    def flag(self, key: str) -> bool:
        value = self._data.get(key, False)
        if not isinstance(value, bool):
            raise self._fail(key, f"must be true or false, not {_kind(value)}")
        return value

    def owner(self) -> Owner:
        """`user`, `user:` and `user:user` are the same."""
        user, _, group = self.text("owner").partition(":")
        if not user:
            raise self._fail("owner", "must be USER or USER:GROUP")
        return Owner(user, group or user, f"{self.where}: owner")

    def mode(self, *, required: bool = True) -> int | None:
        value = self.text("perm", required=required)
        if value is None:
            return None
        if not _PERM.fullmatch(value):
            raise self._fail("perm", f"must be 3 or 4 octal digits, not '{value}'")
        return int(value.removeprefix("0o"), 8)

    def patterns(self, key: str) -> tuple[re.Pattern[str], ...]:
        value = self._data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(pattern, str) for pattern in value):
            raise self._fail(key, "must be a list of regular expressions")
        try:
            return tuple(re.compile(pattern) for pattern in value)
        except re.error as error:
            raise self._fail(key, f"'{error.pattern!s}' is no regular expression: {error.msg}") from None

    def items(self, key: str, keys: Iterable[str]) -> list[_Item]:
        value = self._data.get(key, [])
        if not isinstance(value, list):
            raise self._fail(key, f"must be a list, not {_kind(value)}")
        keys = tuple(keys)
        return [_Item(data, f"{self.where}: {key}[{index}]", keys) for index, data in enumerate(value)]


def _kind(value: object) -> str:
    names = {dict: "a mapping", list: "a list", str: "a string", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), f"the number {value}")


def _nearest(word: str, candidates: list[str]) -> str:
    import difflib  # only errors need it

    found = difflib.get_close_matches(word, candidates, n=1)
    return f", did you mean '{found[0]}'?" if found else f" (known: {', '.join(candidates)})"


def _decode(text: str, path: Path) -> Any:
    if path.suffix == ".yaml":
        import yaml  # JSON, the usual case, does without

        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            problem = " ".join(str(error).split())
            raise MalformedConfiguration(f"{path}: is not YAML: {problem}") from None
    try:
        return json.loads(text)
    except ValueError as error:
        raise MalformedConfiguration(f"{path}: is not JSON: {error}") from None
