"""docs/reference/api.md: every verb of the Python API, written from the API itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from kolla import api

_INTRODUCTION = """\
# Python API: reference

<!-- Made by `make reference` from kolla/api.py; do not edit. -->

The methods of `kolla.api.Cloud`. [Using the API](../api.md) shows them at work; what a verb does in full,
[verbs](../verbs.md) says.
"""


def text() -> str:
    """The page, in Markdown."""
    lines = [_INTRODUCTION, *_section("Cloud", api.Cloud.__init__, inspect.getdoc(api.Cloud))]
    for name, method in inspect.getmembers(api.Cloud, inspect.isfunction):
        if not name.startswith("_"):
            lines += _section(name, method, inspect.getdoc(method))
    return "\n".join(lines).rstrip() + "\n"


def _section(name: str, method: Callable[..., Any], words: str | None) -> list[str]:
    return [f"## {name}", "", "```python", f"{name}{_signature(method)}", "```", "", words or "", ""]


class _Word(str):
    """Text that a signature shows without quotes."""

    __repr__ = str.__str__


def _signature(method: Callable[..., Any]) -> str:
    signature = inspect.signature(method)
    own = [_plain(parameter) for name, parameter in signature.parameters.items() if name != "self"]
    given = signature.replace(parameters=own, return_annotation=_Word(signature.return_annotation))
    return str(given).removesuffix(" -> None")


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    """A parameter as it stands in the code; a default that is a function by its name."""
    name = getattr(parameter.default, "__name__", None)
    default = _Word(name) if inspect.isfunction(parameter.default) else parameter.default
    return parameter.replace(annotation=_Word(parameter.annotation), default=default)
