"""What is wrong with a document of one of our models, in the words of the person who wrote it."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from kolla.errors import InputError, Location, did_you_mean

Where = Callable[[Sequence[str | int]], Location]
"""The place in a file of what keys and indexes lead to."""

Text = Callable[[Sequence[str | int]], str | None]
"""A scalar as it stands in the file."""


def translate(error: ValidationError, kind: Any, where: Where, text: Text) -> Iterator[InputError]:
    """Every mistake pydantic found in a document of type `kind`, each with its place."""
    for detail in error.errors():
        yield _translated(detail, kind, where, text)


def _translated(detail: ErrorDetails, kind: Any, where: Where, text: Text) -> InputError:
    path = [step for step in detail["loc"] if step != "[key]"]
    place = where(path)
    name = str(path[-1]) if path else ""
    subject = ".".join(str(step) for step in path)
    match detail["type"]:
        case "extra_forbidden":
            words = _words(kind, path[:-1])
            inside = f" in '{'.'.join(str(step) for step in path[:-1])}'" if path[:-1] else ""
            hint = did_you_mean(name, words)
            return InputError(
                f"unknown word '{name}'{inside}",
                where=place,
                expected=None if hint else f"one of {', '.join(sorted(words))}",
                hint=hint,
            )
        case "missing":
            return InputError(f"'{subject}' is missing", where=place)
        case "enum" | "literal_error":
            expected = detail["ctx"]["expected"]
            value = str(detail["input"])
            choices = [choice.strip("'") for choice in expected.replace(" or ", ", ").split(", ")]
            return InputError(
                f"'{value}' is not known as '{subject}'",
                where=place,
                expected=f"one of {', '.join(choices)}",
                hint=did_you_mean(value, choices),
            )
        case "string_pattern_mismatch":
            return InputError(
                f"'{detail['input']}' cannot be used in '{subject}'",
                where=place,
                expected=_PATTERNS.get(detail["ctx"]["pattern"], f"text matching {detail['ctx']['pattern']}"),
            )
        case problem:
            unquoted = problem == "string_type" and isinstance(detail["input"], bool | int | float)
            return InputError(
                f"'{subject or 'the document'}' is {_shown(detail['input'])}",
                where=place,
                expected=_KINDS.get(problem, detail["msg"]),
                hint=f"put it in quotes: '{text(path)}'" if unquoted else None,
            )


_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
"""What pydantic wanted -> the same in the words of the reference."""

_PATTERNS = {
    r"^/": "an absolute path",
    r"^/dev/[^:]+$|\{\{.*\}\}": "the path of a device below /dev",
    r"^0[0-7]{3}$": "a mode of four octal digits in quotes: '0600'",
}
"""Patterns of the model -> what they mean, where that says more than the pattern."""


def _shown(value: object) -> str:
    """A wrong value as a person would say it."""
    match value:
        case None:
            return "empty"
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case str():
            return f"the text '{value}'"
        case _:
            return str(value).lower() if isinstance(value, bool) else str(value)


def _words(annotation: Any, path: Sequence[str | int]) -> list[str]:
    """The words allowed at a place of a document of a type."""
    for step in path:
        annotation = _below(annotation, step)
    return list(_fields(annotation)) if _is_model(annotation) else []


def _below(annotation: Any, step: str | int) -> Any:
    """The type of what `step` leads to inside a value of type `annotation`."""
    annotation = _bare(annotation)
    if _is_model(annotation):
        return _bare(_fields(annotation).get(str(step)))
    arguments = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if origin in (dict, Mapping):
        return _bare(arguments[1])
    return _bare(arguments[0]) if arguments else None


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """Words of a model, as they are written, and their types."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _bare(annotation: Any) -> Any:
    """A type without `| None` and without what Annotated adds."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _bare(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        arms = [arm for arm in typing.get_args(annotation) if arm is not types.NoneType]
        return _bare(arms[0])
    return annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
