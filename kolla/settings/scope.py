"""What an expression sees on one host: every name there is, evaluated only when it is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from kolla.errors import InputError, Location
from kolla.settings import fields
from kolla.settings.expressions import UndefinedVariable, is_expression, resolve
from kolla.settings.keys import Key
from kolla.settings.values import convert
from kolla.yamlfile import Document, YamlPath

_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Given:
    """A value somebody wrote, perhaps with expressions in it, and where."""

    value: Any
    where: Location
    written: str | None = None
    """A scalar as it stands in the file."""
    document: Document | None = field(default=None, repr=False, compare=False)
    """The file, when it is YAML."""
    path: YamlPath = ()
    """Where in the document."""

    def inside(self, steps: YamlPath) -> Location:
        """The place of a part of the value."""
        return self.document.where([*self.path, *steps]) if self.document else self.where

    def text(self, steps: YamlPath) -> str | None:
        """A scalar inside the value, as it stands in the file."""
        return self.document.text([*self.path, *steps]) if self.document else None


class UnsetError(InputError, KeyError):
    """A key that has neither a value nor a default; `scope.get(key)` is None then."""

    __str__ = InputError.__str__


@dataclass(frozen=True)
class _Step:
    """A name being evaluated right now."""

    host: str | None
    name: str
    where: Location


_trail: ContextVar[tuple[_Step, ...]] = ContextVar("kolla_settings_trail", default=())


class Scope(Mapping[str, Any]):
    """Names and their values, lazily.

    `extra` wins over settings keys, these over `constants` (passwords and the like), these over the
    operator's own inventory variables. For settings keys the host's value wins over the cloud's.
    Iterating gives every name, also those of keys that have no value.
    """

    def __init__(
        self,
        keys: Mapping[str, Key],
        given: Mapping[str, Given],
        *,
        host: str | None = None,
        host_given: Mapping[str, Given] = _NOTHING,
        constants: Mapping[str, Any] = _NOTHING,
        custom: Mapping[str, Given] = _NOTHING,
        extra: Mapping[str, object] = _NOTHING,
    ) -> None:
        self.host = host
        self._keys = keys
        self._given = given
        self._host_given = host_given
        self._constants = constants
        self._custom = custom
        self._extra = extra
        self._values: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """The value of `name`: KeyError when there is no such name, InputError when it is wrong."""
        if name in self._extra:
            return self._extra[name]
        if name not in self._values:
            self._values[name] = self._find(name)
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        if name in self._extra or name in self._constants or name in self._host_given or name == "custom":
            return True
        key = self._keys.get(str(name))
        return key is not None and (name in self._given or key.setting.default is not None)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(("custom", *self._extra, *self._keys, *self._constants, *self._host_given)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def errors(self) -> Iterator[InputError]:
        """What is wrong with the values that were given, all evaluated.

        Undefined variables are left out: they may be defined where the value is used.
        """
        for name in (*self._given, *(name for name in self._host_given if name in self._keys)):
            try:
                self[name]
            except UndefinedVariable:
                continue
            except InputError as error:
                yield error
        for name, given in self._custom.items():
            try:
                self.evaluated(f"custom.{name}", given)
            except UndefinedVariable:
                continue
            except InputError as error:
                yield error

    def evaluated(self, name: str, given: Given, key: Key | None = None) -> Any:
        """The value of something written, of the type its key wants."""
        value = given.value
        if _holds_expression(value):
            step = _Step(self.host, name, given.where)
            trail = _trail.get()
            if any((s.host, s.name) == (step.host, step.name) for s in trail):
                raise _circle(trail, step)
            token = _trail.set((*trail, step))
            try:
                value = resolve(value, self, given.where)
            finally:
                _trail.reset(token)
        return value if key is None else typed(key, value, given)

    def _find(self, name: str) -> Any:
        if name == "custom":
            return _Custom(self, self._custom)
        key = self._keys.get(name)
        if key is not None:
            given = self._host_given.get(name) or self._given.get(name)
            if given is None:
                if key.setting.default is None:
                    raise UnsetError(f"'{name}' has no value", hint=f"set {name} in globals.yml")
                given = Given(key.setting.default, key.where)
            return self.evaluated(name, given, key)
        if name in self._constants:
            return self._constants[name]
        return self.evaluated(name, self._host_given[name])


class _Custom(Mapping[str, Any]):
    """`custom:` of globals.yml, each name evaluated by itself."""

    def __init__(self, scope: Scope, given: Mapping[str, Given]) -> None:
        self._scope = scope
        self._given = given

    def __getitem__(self, name: str) -> Any:
        return self._scope.evaluated(f"custom.{name}", self._given[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)


def typed(key: Key, value: Any, given: Given) -> Any:
    """`value` as the key's type wants it; InputError says what was expected and where it was written."""
    try:
        converted = convert(key.setting, value, given.written)
    except ValueError as error:
        source = f", from {given.value!r}," if _holds_expression(given.value) else ""
        raise InputError(
            f"'{key.name}'{source} is {_shown(value)}", where=given.where, expected=str(error)
        ) from None
    if key.setting.fields:
        return fields.items(key.name, key.setting.fields, converted, given.inside)
    return converted


def _holds_expression(value: Any) -> bool:
    if isinstance(value, str):
        return is_expression(value)
    if isinstance(value, list):
        return any(_holds_expression(item) for item in value)
    return isinstance(value, dict) and any(_holds_expression(item) for item in value.values())


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else repr(value)


def _circle(trail: tuple[_Step, ...], last: _Step) -> InputError:
    """The error for a name whose value needs itself."""
    names = [step.name for step in trail]
    circle = trail[names.index(last.name) :]
    # Wherever it was entered, the same circle is told the same way.
    first = min(range(len(circle)), key=lambda index: (str(circle[index].where), circle[index].name))
    circle = circle[first:] + circle[:first]
    path = " -> ".join([*(step.name for step in circle), circle[0].name])
    places = ", ".join(f"{step.name} at {step.where}" for step in circle)
    return InputError(f"circular expression: {path}", where=circle[0].where, hint=f"see {places}")
