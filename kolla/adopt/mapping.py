"""`mapping.yml`, typed: what becomes of each key, group and file of the other tool."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from kolla import yamlfile
from kolla.catalogue.model import Model

FILE = Path(__file__).with_name("mapping.yml")


class Missing(Model):
    """Keys that Kolla has nothing for."""

    keys: tuple[str, ...]
    """Patterns."""
    why: str
    instead: str
    default: str | None = None
    """What that tool does when the key is not set, where that is a finding as well."""
    fine: tuple[str, ...] = ()
    """Values with which nothing is lost."""
    must: bool = False
    without: tuple[str, ...] = ()
    """Services of ours that cannot be taken over then, and are switched off."""

    def loses(self, value: Any) -> bool:
        """Whether something is lost with this value of such a key."""
        text = str(value).strip()
        if text in self.fine:
            return False
        return self.default == "" or text.lower() not in ("", "false", "no", "off", "0", "none", "[]", "{}")


class Globals(Model):
    """Keys of globals.yml."""

    renamed: dict[str, str]
    volumes: dict[str, str]
    settled: dict[str, tuple[str, ...]]
    missing: tuple[Missing, ...]
    defaults: dict[str, Any]
    """Written for keys that are not set."""
    added: dict[str, Any]

    def is_settled(self, key: str) -> bool:
        """Whether nothing is lost without the key."""
        return any(matches(key, patterns) for patterns in self.settled.values())

    def missing_key(self, key: str, *, known: bool) -> Missing | None:
        """What is said of a key that Kolla has nothing for, or not for all values; the first that fits.
        Patterns are for keys that are not `known`."""
        return next(
            (each for each in self.missing if (key in each.keys if known else matches(key, each.keys))), None
        )


class Passwords(Model):
    """Keys of passwords.yml."""

    renamed: dict[str, str]


class Groups(Model):
    """Groups of the inventory."""

    children: dict[str, str]
    alone: dict[str, str]


class Overrides(Model):
    """Files below config/."""

    missing: dict[str, str]


class Note(Model):
    """What is always to be known."""

    about: str
    why: str
    instead: str


class Mapping(Model):
    """All of it."""

    globals: Globals
    passwords: Passwords
    groups: Groups
    overrides: Overrides
    notes: tuple[Note, ...]


def load() -> Mapping:
    """The mapping that comes with the package."""
    return Mapping.model_validate(yamlfile.load(FILE).data)


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether any of the patterns (`enable_*`) fits."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
