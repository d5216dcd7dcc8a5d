"""Checking a container's files of format `oslo` against the options its software knows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from kolla.config import ini
from kolla.config.option_schema import CHOSEN_BY, Option, Options, Schema, Values, shown
from kolla.config.option_values import expected, problem
from kolla.errors import did_you_mean
from kolla.secret import MASK

Kind = Literal["unknown", "removed", "value", "deprecated"]
"""`unknown`: nothing reads it. `removed`: nothing reads it any more. `value`: what reads it will fail.
`deprecated`: look at it some day."""


@dataclass(frozen=True)
class Problem:
    """Something about one option in one file."""

    file: str
    section: str
    option: str
    """Empty: it is about the section."""
    kind: Kind
    what: str
    expected: str | None = None
    hint: str | None = None

    @property
    def key(self) -> str:
        """`[token] expiration`, as layers are asked who set it."""
        return ini.shown(self.section, self.option) if self.option else f"[{self.section}]"


def check(files: Mapping[str, str], schema: Schema) -> tuple[Problem, ...]:
    """What is wrong in files (name -> text) that one process reads, in this order, the last one winning.

    Software that knows no options at all reads its files in a way of its own: nothing is wrong then.
    """
    if not schema.titles:
        return ()
    parsed = {name: ini.parse(text, Path(name), bare_keys=False) for name, text in files.items()}
    values = _values(parsed.values())
    known = schema.within(values)
    return tuple(
        found
        for file, sections in parsed.items()
        for section, entries in sections.items()
        for found in _section(file, section, entries, known, schema)
    )


def explained(problems: Sequence[Problem], earlier: Sequence[Schema]) -> tuple[Problem, ...]:
    """The same; of unknown options that an earlier image knew it is said that they were removed."""
    return tuple(
        replace(found, kind="removed", what="it was removed: an earlier image knew it, this one does not")
        if found.kind == "unknown" and any(_knew(schema, found) for schema in earlier)
        else found
        for found in problems
    )


def _knew(schema: Schema, found: Problem) -> bool:
    options = schema.sections.get(found.section.lower())
    return options is not None and (not found.option or found.option in options)


def _values(parsed: Iterable[ini.Sections]) -> Values:
    values: dict[str, dict[str, str]] = {}
    for sections in parsed:
        for section, entries in sections.items():
            given = values.setdefault(section, {})
            given |= {key: written[-1] or "" for key, written in entries.items()}
    return values


def _section(
    file: str,
    section: str,
    entries: Mapping[str, ini.Values],
    known: Mapping[str, Options | None],
    schema: Schema,
) -> Iterator[Problem]:
    if not section:
        first = next(iter(entries))
        yield Problem(file, section, first, "value", "it stands before any section", "[DEFAULT] above it")
        return
    options = known.get(section.lower(), {})
    if options is None:
        return
    renamed = any((section.lower(), key) in schema.renamed for key in entries)
    if section.lower() not in known and not renamed:
        hint = did_you_mean(section, schema.titles)
        yield Problem(file, section, "", "unknown", "there is no such section", hint=hint)
        return
    for key, written in entries.items():
        yield from _option(file, section, key, written, options, schema)


def _option(
    file: str, section: str, key: str, written: ini.Values, options: Options, schema: Schema
) -> Iterator[Problem]:
    option = options.get(key)
    if option is None:
        option = schema.renamed.get((section.lower(), key)) or _renamed(key, options)
        if option is None:
            hint = did_you_mean(key, options) or _elsewhere(key, schema)
            yield Problem(file, section, key, "unknown", "there is no such option", hint=hint)
            return
        now = shown(option, section)
        yield Problem(
            file, section, key, "deprecated", "it has another name now", hint=f"write {now} instead"
        )
    if option.removal is not None:
        reason = " ".join(option.removal.split())
        yield Problem(file, section, key, "deprecated", "it is going to be removed", hint=reason)
    if len(written) > 1 and not option.multi:
        what = f"it is given {len(written)} times, and only the last one counts"
        yield Problem(file, section, key, "value", what, "one line")
    for value in written if option.multi else written[-1:]:
        yield from _value(file, section, key, value or "", option, schema)


def _value(
    file: str, section: str, key: str, value: str, option: Option, schema: Schema
) -> Iterator[Problem]:
    if option.dest == CHOSEN_BY and schema.plugins and value and value not in schema.plugins:
        there = f"there are {', '.join(schema.plugins)}"
        hint = did_you_mean(value, schema.plugins) or there
        yield Problem(file, section, key, "value", f"there is no login plugin '{value}'", hint=hint)
    elif problem(option.type, value) is not None:
        meant = did_you_mean(value, [str(choice) for choice in option.type.get("choices", ())])
        what = f"'{MASK if option.secret else value}' is not allowed"
        yield Problem(file, section, key, "value", what, expected(option.type), meant)


def _renamed(key: str, options: Options) -> Option | None:
    """The option of a section that a key was the name of before; plugins' options know their own."""
    found = (option for option in options.values() for _, name in option.deprecated if name == key)
    return next(found, None)


def _elsewhere(key: str, schema: Schema) -> str | None:
    """The section that has an option of this name."""
    found = (title for title in schema.titles if key in schema.sections[title.lower()])
    section = next(found, None)
    return f"there is {ini.shown(section, key)}" if section else None
