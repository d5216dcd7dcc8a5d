"""Whether an option takes a value, by the very types of oslo.config.

Imported only when something is to be checked: oslo.config costs more than everything else a small verb needs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from oslo_config import types

Check = Callable[[str], object]
"""Takes a value; ValueError when it is not allowed."""

_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "Boolean": (),
    "Dict": ("bounds",),
    "Float": ("min", "max"),
    "HostAddress": ("version",),
    "HostDomain": ("version",),
    "Hostname": (),
    "IPAddress": ("version",),
    "Integer": ("min", "max", "choices"),
    "List": ("bounds",),
    "MultiString": (),
    "Port": ("min", "max", "choices"),
    "Range": ("min", "max", "inclusive"),
    "String": ("choices", "quotes", "ignore_case", "max_length"),
    "URI": ("max_length", "schemes"),
}
"""Type -> the parameters of it that are checked."""

_WORDS: Mapping[str, str] = {
    "Boolean": "true or false",
    "Dict": "KEY:VALUE pairs with commas between them",
    "Float": "a number",
    "HostAddress": "a host name or an IP address",
    "HostDomain": "a host name or an IP address",
    "Hostname": "a host name",
    "IPAddress": "an IP address",
    "Integer": "a whole number",
    "List": "a list with commas between the items",
    "Port": "a port",
    "Range": "a range of numbers, like 1-10",
    "URI": "a URL",
}


def problem(type: Mapping[str, Any], written: str) -> str | None:
    """What is wrong with a value as it is written in a file, in oslo.config's words; None when it is taken.

    A value that refers to another option (`$state_path`) is taken.
    """
    value = _unquoted(written).replace(r"\$", "$$")
    if "$" in value.replace("$$", ""):
        return None
    try:
        _check(type)(value.replace("$$", "$"))
    except (ValueError, TypeError) as error:
        return str(error) or "it is not one"
    return None


def expected(type: Mapping[str, Any]) -> str:
    """What a type takes, in words."""
    if "choices" in type:
        return f"one of {', '.join(str(choice) or '(nothing)' for choice in type['choices'])}"
    if "regex" in type:
        return f"text that matches {type['regex']}"
    words = _WORDS.get(type.get("is", ""), "text")
    if "items" in type and type["items"].get("is") not in (None, "String"):
        words += f", each {expected(type['items'])}"
    least, most = type.get("min"), type.get("max")
    if least is not None and most is not None:
        return f"{words} from {least} to {most}"
    if least is not None:
        return f"{words}, {least} or more"
    if most is not None:
        return f"{words}, {most} or less"
    return f"{words} of at most {type['max_length']} characters" if type.get("max_length") else words


def _unquoted(value: str) -> str:
    """A value without the quotes around it, as oslo.config's parser takes them off."""
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def _check(type: Mapping[str, Any]) -> Check:
    """The type itself; one that this oslo.config does not have takes anything."""
    kind = type.get("is", "")
    if kind not in _PARAMETERS:
        return str
    given = {key: type[key] for key in _PARAMETERS[kind] if key in type}
    if "regex" in type:
        given["regex"] = re.compile(type["regex"], type.get("flags", 0))
    if kind == "List":
        given["item_type"] = _check(type.get("items", {}))
    if kind == "Dict":
        given["value_type"] = _check(type.get("items", {}))
        if "separator" in type:
            given["key_value_separator"] = type["separator"]
    if type.get("min_length"):
        given["min_length"] = type["min_length"]
    check: Check = getattr(types, kind)(**given)
    return check
