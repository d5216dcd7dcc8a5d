"""What values the types of settings allow."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from kolla.catalogue.model import Setting
from kolla.secret import Secret

_TRUE = ("true", "yes", "on")
_FALSE = ("false", "no", "off")
_HOSTNAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")


def convert(setting: Setting, value: Any, written: str | None = None) -> Any:
    """`value` as the setting's type wants it.

    `written` is how a scalar stands in its file: `2026.10` is a number to YAML, a release to us.
    ValueError says what was expected.
    """
    if value == setting.default and type(value) is type(setting.default):
        return value
    converted = _CONVERTERS[setting.type](value, written)
    if setting.choices and converted not in setting.choices:
        why = f" ({setting.gone[converted]})" if converted in setting.gone else ""
        raise ValueError(f"one of {', '.join(setting.choices)}{why}")
    if setting.minimum is not None and converted < setting.minimum:
        kind = "a whole number" if setting.type == "integer" else "a number"
        raise ValueError(f"{kind}, {setting.minimum} or more")
    return converted


def boolean(value: Any, written: str | None = None) -> bool:
    """A truth value: `true`, or the words YAML 1.1 has for it. ValueError otherwise."""
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else None
    if word not in _TRUE + _FALSE:
        raise ValueError("true or false")
    return word in _TRUE


def _string(value: Any, written: str | None) -> str | Secret:
    if isinstance(value, str | Secret):
        return value
    if isinstance(value, bool) or value is None or isinstance(value, list | tuple | Mapping):
        raise ValueError("text (in quotes, if YAML could take it for something else)")
    return written if written is not None else str(value)


def _integer(value: Any, written: str | None) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]+\s*", value):
        return int(value)
    raise ValueError("a whole number")


def _number(value: Any, written: str | None) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]+(\.[0-9]+)?\s*", value):
        return float(value)
    raise ValueError("a number")


def _port(value: Any, written: str | None) -> int:
    try:
        port = _integer(value, written)
    except ValueError:
        port = 0
    if not 1 <= port <= 65535:
        raise ValueError("a port, from 1 to 65535")
    return port


def _address(value: Any, written: str | None) -> str:
    text = value.strip() if isinstance(value, str) else ""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        # Digits and dots alone are an IPv4 address gone wrong, not a host name.
        if _HOSTNAME.fullmatch(text) and not re.fullmatch(r"[0-9.]+", text):
            return text
    raise ValueError("an IP address or a host name")


def _network(value: Any, written: str | None) -> str:
    try:
        return str(ipaddress.ip_network(value if isinstance(value, str) else ""))
    except ValueError:
        raise ValueError("a network, such as 192.0.2.0/24, with nothing behind the prefix") from None


def _path(value: Any, written: str | None) -> str:
    if isinstance(value, str) and value.startswith("/"):
        return value
    raise ValueError("an absolute path")


def _list(value: Any, written: str | None) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    raise ValueError("a list")


def _mapping(value: Any, written: str | None) -> dict[str, Any]:
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return dict(value)
    raise ValueError("a mapping (name: value)")


_CONVERTERS: Mapping[str, Callable[[Any, str | None], Any]] = {
    "string": _string,
    "boolean": boolean,
    "integer": _integer,
    "number": _number,
    "port": _port,
    "address": _address,
    "network": _network,
    "path": _path,
    "list": _list,
    "mapping": _mapping,
}
