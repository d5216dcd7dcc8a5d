"""Prints every configuration option that the software of an image knows, as one line of JSON.

Asked are the entry points that oslo.config's own generator asks (`oslo.config.opts`), what importing them
registered besides, and the login plugins of keystoneauth, whose options depend on the plugin chosen.
Arguments are modules that register options when they are imported and have no entry point.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import sys
from importlib import metadata
from typing import Any

ENTRY_POINTS = "oslo.config.opts"
PLUGINS = "keystoneauth1.plugin"

NOTHING: dict[str, Any] = {"options": {}, "plugins": {}, "unread": {}}
"""The answer of software that reads its files in a way of its own, without oslo.config."""

Found = dict[str, dict[str, Any]]
"""Group -> option -> its description."""


def main(modules: list[str]) -> None:
    """Write the document to where standard output was; what libraries print goes to standard error."""
    answer = os.dup(1)
    os.dup2(2, 1)
    document = answer_of(modules) if importlib.util.find_spec("oslo_config") else NOTHING
    sys.stderr.flush()
    with os.fdopen(answer, "w") as output:
        output.write(json.dumps(document, sort_keys=True) + "\n")
        output.flush()
        os._exit(0)  # nothing is to be printed after it


def answer_of(modules: list[str]) -> dict[str, Any]:
    """All that can be found out."""
    unread: dict[str, str] = {}
    found = declared(unread)
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever a library does wrong is to be told, not to end this
            unread[name] = _said(error)
    add_registered(found)
    return {"options": found, "plugins": plugins(), "unread": unread}


def declared(unread: dict[str, str]) -> Found:
    """The options that the entry points list; those that cannot be asked are added to `unread`."""
    found: Found = {}
    for point in sorted(_points(ENTRY_POINTS), key=lambda point: str(point.name)):
        try:
            listed = point.load()()
        except ModuleNotFoundError as error:
            if not f"{point.value.partition(':')[0]}.".startswith(f"{error.name}."):
                unread[point.name] = _said(error)
            continue  # code that is not there at all reads no option
        except Exception as error:
            unread[point.name] = _said(error)
            continue
        for group, options in listed:
            add(found, str(getattr(group, "name", group) or "DEFAULT"), options)
    return found


def add_registered(found: Found) -> None:
    """Add what importing has registered with the global configuration: libraries with sections of their
    own for each program (oslo.privsep) list these nowhere."""
    from oslo_config import cfg

    add(found, "DEFAULT", [known["opt"] for known in cfg.CONF._opts.values()])
    for name, group in cfg.CONF._groups.items():
        add(found, name, [known["opt"] for known in group._opts.values()])


def plugins() -> Found:
    """Login plugin -> its options, of those that can be used here; none where there is no keystoneauth."""
    found: Found = {}
    for point in _points(PLUGINS):
        loading: Any = importlib.import_module("keystoneauth1.loading")
        # Those whose libraries are not installed cannot be loaded, and are none for the service either.
        with contextlib.suppress(Exception):
            add(found, point.name, loading.get_auth_plugin_conf_options(point.name))
    return found


def add(found: Found, group: str, options: Any) -> None:
    """Add options to a group, whose name oslo.config takes in any case; the first one of a name stays."""
    same = next((name for name in found if name.lower() == group.lower()), group)
    known = found.setdefault(same, {})
    for option in options:
        known.setdefault(option.dest, described(option))


def described(option: Any) -> dict[str, Any]:
    """One option, without what is usual."""
    deprecated = [[old.group, old.name] for old in option.deprecated_opts]
    description = {
        "name": option.name if option.name != option.dest else None,
        "type": type_of(option.type),
        "multi": bool(option.multi),
        "secret": bool(option.secret),
        "deprecated": deprecated,
        "removal": (option.deprecated_reason or "it has no successor").strip()
        if option.deprecated_for_removal
        else None,
    }
    return {key: value for key, value in description.items() if value}


def type_of(given: Any) -> dict[str, Any]:
    """What values a type takes; without `is`: any. A class derived from one of oslo.config is that one."""
    from oslo_config import types

    if given in (int, float):
        return {"is": "Integer" if given is int else "Float"}
    names = [c.__name__ for c in type(given).__mro__ if c.__module__ == types.__name__]
    if not names or names[0] == "ConfigType":
        return {}
    description: dict[str, Any] = {"is": names[0]}
    for key in ("quotes", "ignore_case", "min", "max", "bounds", "inclusive"):
        description[key] = getattr(given, key, None)
    for key in ("max_length", "min_length"):  # 0: any
        description[key] = getattr(given, key, None) or None
    if getattr(given, "choices", None) is not None:
        description["choices"] = list(given.choices)
    if getattr(given, "schemes", None):
        description["schemes"] = list(given.schemes)
    if getattr(given, "regex", None) is not None:
        description |= {"regex": given.regex.pattern, "flags": int(given.regex.flags)}
    if names[0] == "List":
        description["items"] = type_of(given.item_type)
    if names[0] == "Dict":
        description["items"] = type_of(given.value_type)
        separator = getattr(given, "key_value_separator", ":")
        description["separator"] = separator if separator != ":" else None
    address = getattr(given, "ip_address", given)
    if hasattr(address, "version_checker"):
        versions = {"_check_ipv4": 4, "_check_ipv6": 6}
        description["version"] = versions.get(address.version_checker.__name__)
    return {key: value for key, value in description.items() if value is not None and value is not False}


def _points(group: str) -> list[Any]:
    return list(metadata.entry_points(group=group))


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    main(sys.argv[1:])
