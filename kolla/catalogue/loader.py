"""Reading service folders: every mistake is named with file, line, and what was expected."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from kolla import yamlfile
from kolla.catalogue import checks
from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.model import Service, ServiceFolder
from kolla.errors import InputError, InputErrors, Location, did_you_mean, raise_all
from kolla.yamlfile import Document

SERVICES = Path(__file__).resolve().parent.parent / "services"
"""The services that come with the package."""

DEFINITION = "service.yml"


def load(service_paths: Sequence[Path] = ()) -> Catalogue:
    """Read the package's services and those below `service_paths`.

    Each path holds service folders, or is one. InputErrors names every mistake found.
    """
    folders: dict[str, ServiceFolder] = {}
    documents: dict[str, Document] = {}
    errors: list[InputError] = []
    for path in _service_folders(service_paths):
        try:
            document = yamlfile.load(path / DEFINITION)
            service = _service(document)
        except InputErrors as several:
            errors += [error for error in several.errors if isinstance(error, InputError)]
        except InputError as error:
            errors.append(error)
        else:
            if service.name in folders:
                errors.append(
                    InputError(
                        f"there are two services called '{service.name}'",
                        where=document.where(["name"]),
                        hint=f"the other one is {documents[service.name].path}",
                    )
                )
                continue
            folders[service.name] = ServiceFolder(service=service, path=path)
            documents[service.name] = document
    catalogue = Catalogue(dict(sorted(folders.items())), documents)
    if not errors:
        errors = list(checks.check(catalogue))
    raise_all(errors)
    return catalogue


def _service_folders(service_paths: Sequence[Path]) -> Iterator[Path]:
    """Folders that hold a definition, the package's own first."""
    for path in (SERVICES, *service_paths):
        if (path / DEFINITION).is_file():
            yield path
            continue
        for misnamed in sorted(path.glob("*/service.yaml")):
            raise InputError(
                "nothing reads this file", where=Location(misnamed), hint=f"call it {DEFINITION}"
            )
        found = sorted(folder.parent for folder in path.glob(f"*/{DEFINITION}"))
        if not found:
            raise InputError(
                "no service found here",
                where=Location(path),
                expected=f"a folder with a {DEFINITION}, or a folder of such folders",
            )
        yield from found


def _service(document: Document) -> Service:
    """The service a document describes; InputErrors with a line for each mistake."""
    data = document.data if document.data is not None else {}
    try:
        service = Service.model_validate(data)
    except ValidationError as error:
        raise InputErrors(_translate(detail, document) for detail in error.errors()) from None
    if service.name != document.path.parent.name:
        raise InputError(
            f"the service '{service.name}' is in a folder called '{document.path.parent.name}'",
            where=document.where(["name"]),
            expected="a folder with the service's name",
        )
    return service


def _translate(detail: ErrorDetails, document: Document) -> InputError:
    """A message of pydantic in the words of the person who writes a `service.yml`."""
    path = [step for step in detail["loc"] if step != "[key]"]
    where = document.where(path)
    name = str(path[-1]) if path else ""
    subject = ".".join(str(step) for step in path)
    match detail["type"]:
        case "extra_forbidden":
            words = _words(path[:-1])
            inside = f" in '{'.'.join(str(step) for step in path[:-1])}'" if path[:-1] else ""
            hint = did_you_mean(name, words)
            return InputError(
                f"unknown word '{name}'{inside}",
                where=where,
                expected=None if hint else f"one of {', '.join(sorted(words))}",
                hint=hint,
            )
        case "missing":
            return InputError(f"'{subject}' is missing", where=where)
        case "enum" | "literal_error":
            expected = detail["ctx"]["expected"]
            value = str(detail["input"])
            choices = [choice.strip("'") for choice in expected.replace(" or ", ", ").split(", ")]
            return InputError(
                f"'{value}' is not known as '{subject}'",
                where=where,
                expected=f"one of {', '.join(choices)}",
                hint=did_you_mean(value, choices),
            )
        case "string_pattern_mismatch":
            return InputError(
                f"'{detail['input']}' cannot be used in '{subject}'",
                where=where,
                expected=_PATTERNS.get(detail["ctx"]["pattern"], f"text matching {detail['ctx']['pattern']}"),
            )
        case kind:
            unquoted = kind == "string_type" and isinstance(detail["input"], bool | int | float)
            return InputError(
                f"'{subject or 'the document'}' is {_shown(detail['input'])}",
                where=where,
                expected=_KINDS.get(kind, detail["msg"]),
                hint=f"put it in quotes: '{document.text(path)}'" if unquoted else None,
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
    r"^/dev/[^:]+$": "the path of a device below /dev",
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


def _words(path: Sequence[str | int]) -> list[str]:
    """The words allowed at a place of a `service.yml`."""
    annotation: Any = Service
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
