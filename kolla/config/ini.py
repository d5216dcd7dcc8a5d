"""INI files as OpenStack writes and reads them.

The rules are oslo.config's (its `iniparser`): `=` or `:` whichever comes first, repeated keys are
lists, an indented line continues the value above it, an empty line ends it, keys may stand before any
section. Quotes are part of the value here: what was written is what is written again. Other programs
(my.cnf) also have keys without a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kolla.errors import InputError, Location
from kolla.secret import masked

Values = list[str | None]
"""Every value a key was given; None: the key alone. A continued value holds line breaks."""

Sections = dict[str, dict[str, Values]]
"""Section -> key -> values, in order; the section `""` is what stands before any other."""


def parse(text: str, path: Path, *, bare_keys: bool = True) -> Sections:
    """Read an INI file; comments are dropped.

    `bare_keys`: whether keys may stand without a value. InputError names the line.
    """
    sections: Sections = {}
    section: dict[str, Values] | None = None
    values: Values | None = None
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.rstrip()
        where = Location(path, number)
        if not line:
            values = None
        elif line[0] in " \t":
            if values is None or values[-1] is None:
                raise InputError(
                    "an indented line continues the value above it, and there is none",
                    where=where,
                    hint="remove the white space at its beginning",
                )
            values[-1] += "\n" + line.lstrip()
        elif line[0] in "#;":
            values = None
        elif line[0] == "[":
            section, values = sections.setdefault(_section(line, where), {}), None
        else:
            if section is None:
                section = sections.setdefault("", {})
            key, value = _assignment(line, where, bare_keys)
            values = section.setdefault(key, [])
            values.append(value)
    return sections


def write(sections: Sections) -> str:
    """The file `parse` reads as `sections`; keys without a section come first."""
    blocks = []
    for name in sorted(sections, key=bool):
        heading = [f"[{name}]"] if name else []
        lines = [*heading, *_lines(sections[name])]
        if lines:
            blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def shown(section: str, key: str) -> str:
    """How messages name a key: `[token] expiration`."""
    return f"[{section}] {key}" if section else key


def line_of(text: str, section: str, key: str = "") -> int | None:
    """The last line of a file, also of one with expressions in it, that sets a key, or begins a section when
    there is no `key`; None when no line does as it stands."""
    found, inside = None, ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("[") and line.rstrip().endswith("]"):
            inside = line.rstrip()[1:-1]
            if not key and inside == section:
                found = number
        elif key and inside == section and re.split("[=:]", line, maxsplit=1)[0].rstrip() == key:
            found = number
    return found


def _section(line: str, where: Location) -> str:
    if not line.endswith("]") or len(line) < 3:
        raise InputError(f"not a section: {masked(line)}", where=where, expected="[name]")
    return line[1:-1]


def _assignment(line: str, where: Location, bare_keys: bool) -> tuple[str, str | None]:
    position = min((at for at in (line.find("="), line.find(":")) if at >= 0), default=-1)
    if position < 0:
        if not bare_keys:
            raise InputError(
                f"neither a section nor a key: {masked(line)}", where=where, expected="key = value"
            )
        return line, None
    key = line[:position].rstrip()
    if not key:
        raise InputError(f"there is no key: {masked(line)}", where=where, expected="key = value")
    return key, line[position + 1 :].strip()


def _lines(keys: dict[str, Values]) -> Iterator[str]:
    for key, values in keys.items():
        for value in values:
            if value is None:
                yield key
                continue
            first, *more = value.split("\n")
            yield f"{key} = {first}".rstrip()
            yield from (f"    {line}" for line in more)
