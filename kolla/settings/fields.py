"""Lists of mappings whose fields the catalogue names: each item checked, and completed with defaults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kolla.catalogue.model import Field, Setting
from kolla.errors import InputError, Location, did_you_mean
from kolla.settings.each import NAME
from kolla.settings.values import convert
from kolla.yamlfile import YamlPath

Where = Callable[[YamlPath], Location]
"""The place of a part of the value."""


def items(key: str, fields: Mapping[str, Field], value: Sequence[Any], where: Where) -> list[dict[str, Any]]:
    """The items, with what they do not say. InputError for the first thing that is wrong with one."""
    found = [_item(key, fields, item, index, where) for index, item in enumerate(value)]
    for name in (name for name, field in fields.items() if field.type == "name"):
        seen: set[str] = set()
        for index, item in enumerate(found):
            if item[name] in seen:
                raise InputError(f"two of '{key}' have the {name} '{item[name]}'", where=where([index, name]))
            seen.add(item[name])
    return found


def groups(fields: Mapping[str, Field], value: Sequence[Mapping[str, Any]]) -> Iterator[tuple[YamlPath, str]]:
    """The groups of the inventory that items name, each with its place in the value."""
    for index, item in enumerate(value):
        for name in (name for name, field in fields.items() if field.type == "group"):
            yield [index, name], item[name]


def _item(key: str, fields: Mapping[str, Field], item: Any, index: int, where: Where) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        raise InputError(
            f"item {index + 1} of '{key}' is no mapping",
            where=where([index]),
            expected=f"a mapping of {', '.join(fields)}",
        )
    for name in item:
        if name not in fields:
            hint = did_you_mean(str(name), fields)
            expected = None if hint else f"one of {', '.join(fields)}"
            what = f"item {index + 1} of '{key}' has an unknown '{name}'"
            raise InputError(what, where=where([index, name]), expected=expected, hint=hint)
    return {name: _value(key, name, field, item, index, where) for name, field in fields.items()}


def _value(key: str, name: str, field: Field, item: Mapping[str, Any], index: int, where: Where) -> Any:
    value = item.get(name, field.default)
    if value is None:
        raise InputError(f"item {index + 1} of '{key}' has no '{name}'", where=where([index]))
    try:
        return _converted(field, value)
    except ValueError as error:
        what = f"'{name}' of item {index + 1} of '{key}' is {value!r}"
        raise InputError(what, where=where([index, name]), expected=str(error)) from None


def _converted(field: Field, value: Any) -> Any:
    """ValueError says what was expected."""
    if field.type == "name" and not (isinstance(value, str) and NAME.fullmatch(value)):
        raise ValueError("lower-case letters, digits and -: it is part of the names of containers")
    kind = field.type if field.type == "port" else "string"
    return convert(Setting(type=kind, description=""), value)
