"""The configuration options that the software of an image knows, as the builder found them out."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from kolla.config import ini

Values = Mapping[str, Mapping[str, str]]
"""Section -> option -> the value that counts, over all files of a container."""

CHOSEN_BY = "auth_type"
ELSEWHERE = "auth_section"
"""keystoneauth: a section with these has the options of the plugin named, here or in the section named."""


@dataclass(frozen=True)
class Option:
    """One option."""

    section: str
    dest: str
    """What the software calls it."""
    name: str
    """What files may call it besides, with hyphens."""
    type: Mapping[str, Any] = field(default_factory=dict)
    """As `kolla.config.option_values` reads it; empty: it takes any value."""
    multi: bool = False
    """Whether it may be given several times."""
    secret: bool = False
    """Whether its value is not to be shown."""
    deprecated: tuple[tuple[str, str], ...] = ()
    """Sections and names it had before."""
    removal: str | None = None
    """Why it is going to be removed."""


Options = Mapping[str, Option]
"""By every name that files may call an option."""


@dataclass(frozen=True)
class Schema:
    """All of them."""

    document: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path) -> Schema:
        """Read what the builder wrote; OSError or ValueError when it cannot be read."""
        return cls(json.loads(path.read_bytes()))

    @cached_property
    def sections(self) -> Mapping[str, Options]:
        """Section, in lower case as oslo.config compares them -> its options."""
        return {name.lower(): _named(_options(name, o)) for name, o in self.document["options"].items()}

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """The names of all sections, as they are written."""
        return tuple(self.document["options"])

    @cached_property
    def plugins(self) -> Mapping[str, Options]:
        """Login plugin -> the options it adds to a section."""
        return {name: _named(_options("", o)) for name, o in self.document["plugins"].items()}

    @property
    def unread(self) -> Mapping[str, str]:
        """Whose options could not be found out -> why."""
        unread: Mapping[str, str] = self.document["unread"]
        return unread

    @cached_property
    def renamed(self) -> Mapping[tuple[str, str], Option]:
        """Section (in lower case) and name that an option had before -> the option."""
        return {
            (section.lower(), name): option
            for options in self.sections.values()
            for option in options.values()
            for section, name in option.deprecated
        }

    def within(self, values: Values) -> Mapping[str, Options | None]:
        """The options of every section of a container's files, in lower case; None: anything goes there.

        Sections that are not in it do not exist.
        """
        found: dict[str, Options | None] = {}
        for section in values:
            options = self.sections.get(section.lower())
            if options is not None:
                found[section.lower()] = options
        for name, options in self._named_by_values(values):
            known = found.get(name.lower(), {})
            found[name.lower()] = None if options is None or known is None else {**options, **known}
        for section in list(found):
            self._add_login(found, section, values)
        return found

    def _add_login(self, found: dict[str, Options | None], section: str, values: Values) -> None:
        """Add the options of the login plugin chosen in a section, to it or to the one it names for that."""
        options = found[section]
        if not options or CHOSEN_BY not in options:
            return
        other = _value(values, section, ELSEWHERE)
        target = other.lower() if other else section
        known = found.get(target, {})
        if known is None:
            return
        common = {name: option for name, option in options.items() if name in (CHOSEN_BY, ELSEWHERE)}
        found[target] = {**self._plugin(_value(values, target, CHOSEN_BY)), **common, **known}

    def _plugin(self, chosen: str | None) -> Options:
        """The options of a plugin; of one that there is not, those of all."""
        if chosen is None:
            return {}
        every = {name: option for options in self.plugins.values() for name, option in options.items()}
        return self.plugins.get(chosen, every)

    def _named_by_values(self, values: Values) -> Iterator[tuple[str, Options | None]]:
        """Sections that have their names from values, and their options."""
        for declared in self.document["sections"]:
            names = list(declared["names"])
            if declared["named_by"]:
                section, _, option = declared["named_by"].removeprefix("[").partition("] ")
                items = (_value(values, section, option) or "").replace("\n", ",").split(",")
                names += [item.partition(":")[0].strip() for item in items if item.strip()]
            options: Options | None = None
            if declared["like"]:
                options = {
                    name: option
                    for pattern in declared["like"]
                    for section in fnmatch.filter(self.sections, pattern.lower())
                    for name, option in self.sections[section].items()
                }
            for name in names:
                yield declared["pattern"].replace("{}", name), options


def shown(option: Option, section: str = "") -> str:
    """How messages name an option: `[token] expiration`."""
    return ini.shown(option.section or section, option.dest)


def _value(values: Values, section: str, option: str) -> str | None:
    same = (given for name, given in values.items() if name.lower() == section.lower())
    return next((given[option] for given in same if option in given), None)


def _options(section: str, described: Mapping[str, Mapping[str, Any]]) -> Iterator[Option]:
    for dest, words in described.items():
        yield Option(
            section=section,
            dest=dest,
            name=words.get("name", dest),
            type=words.get("type", {}),
            multi=words.get("multi", False),
            secret=words.get("secret", False),
            deprecated=tuple((old or section, name or dest) for old, name in words.get("deprecated", ())),
            removal=words.get("removal"),
        )


def _named(options: Iterator[Option]) -> Options:
    return {name: option for option in options for name in (option.name, option.dest)}
