"""The sample files operators start from, written from the keys there are."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

import yaml

from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.model import Field, Setting
from kolla.settings import keys, passwords
from kolla.settings.keys import Key

_GLOBALS = """\
---
# Settings of the whole cloud. Made by `make reference` from the code: every key there is, with its default.
# Remove the # in front of a key to set it. What is set in globals.d/*.yml is read afterwards and wins.
#
# A value may be an expression over other keys: "{{ network_interface }}" (in quotes).
# Keys marked (host) may differ from host to host: set them in the inventory, there they win.
# Keys that do not exist are refused; variables of your own go below `custom:`.
"""

_PASSWORDS = """\
---
# Every secret of the cloud. Made by `make reference` from the code.
# `kolla genpwd` fills in what is empty or missing and never changes what is there. Keep it safe: without it
# the cloud cannot be changed any more.
"""


def globals_yml(catalogue: Catalogue) -> str:
    """globals.yml with every key commented out, described, with its default."""
    lines = []
    section = None
    for key in keys.of(catalogue).values():
        if key.section != section:
            section = key.section
            lines += ["", "", f"# ---- {section} ".ljust(100, "-")]
        lines += ["", *_comment(_described(key)), f"#{key.name}: {written(key.setting.default)}".rstrip()]
    return _GLOBALS + "\n".join(lines) + "\n"


def passwords_yml(catalogue: Catalogue) -> str:
    """passwords.yml with every key, described, and no values."""
    lines = []
    for name, password in passwords.expected(catalogue).items():
        lines += ["", *_comment(password.description), f"{name}:"]
    return _PASSWORDS + "\n".join(lines) + "\n"


def _described(key: Key) -> str:
    """What a key is for, its type, and its marks."""
    setting = key.setting
    kind = f"one of {', '.join(setting.choices)}" if setting.choices else kind_of(setting)
    marks = [
        mark for mark, holds in (("host", setting.scope == "host"), ("required", setting.required)) if holds
    ]
    return f"{setting.description} [{kind}]" + "".join(f" ({mark})" for mark in marks)


def kind_of(setting: Setting) -> str:
    """A setting's type, its minimum if it has one, and what each item of a list has if that is said."""
    if setting.fields:
        return f"list of {', '.join(_field(name, field) for name, field in setting.fields.items())}"
    return setting.type if setting.minimum is None else f"{setting.type}, {setting.minimum} or more"


def _field(name: str, field: Field) -> str:
    return name if field.default is None else f"{name} ({written(field.default)})"


def _comment(text: str) -> Iterator[str]:
    yield from textwrap.wrap(text, 100, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def written(default: Any) -> str:
    """A default as it is written in YAML; nothing for None."""
    if default is None:
        return ""
    if isinstance(default, str) and yaml.safe_dump(default).startswith("'"):
        return json.dumps(default, ensure_ascii=False)
    text: str = yaml.safe_dump(default, default_flow_style=True, width=1000)
    return text.removesuffix("...\n").rstrip()
