"""globals.yml and the files of globals.d: the settings of the whole cloud."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from kolla import yamlfile
from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.distribution import Distribution
from kolla.catalogue.mistakes import translate
from kolla.errors import InputError, InputErrors, Location, did_you_mean, raise_all
from kolla.settings import expressions, keys, passwords
from kolla.settings.keys import Key
from kolla.settings.scope import Given, Scope, typed
from kolla.yamlfile import Document, YamlPath

Parsed = TypeVar("Parsed")


@dataclass(frozen=True)
class Globals:
    """Cloud-wide settings, enough to build images with."""

    config_directory: Path
    catalogue: Catalogue
    keys: Mapping[str, Key] = field(repr=False)
    given: Mapping[str, Given]
    """What the operator wrote; the rest is defaults."""
    custom: Mapping[str, Given]
    complete: bool = True
    """Whether all files could be read: what nobody set may be in one that could not."""

    def value(self, key: str) -> Any:
        """The value of a key, of the key's type; None when it has neither value nor default.

        InputError when it cannot be evaluated, KeyError when there is no such key.
        """
        if key not in self.keys:
            raise KeyError(key)
        return Scope(self.keys, self.given, custom=self.custom).get(key)

    def holds(self, condition: str, where: Location) -> bool:
        """Whether an expression over settings of the cloud is true; `where` it stands."""
        scope = Scope(self.keys, self.given, custom=self.custom)
        return expressions.evaluate(condition, scope, where) is True

    def parsed(self, key: str, kind: type[Parsed]) -> Parsed:
        """The value of a key that holds a document of a type (a model, or a mapping of models).

        InputErrors names every mistake in it with its line and the nearest word.
        """
        try:
            return TypeAdapter(kind).validate_python(self.value(key))
        except ValidationError as error:
            given = self.given.get(key) or Given(None, self.keys[key].where)
            raise InputErrors(translate(error, kind, given.inside, given.text)) from None

    def where(self, key: str, *steps: str | int) -> Location:
        """The place of a key's value, or of a part of it; of its declaration when nobody set it."""
        return self.given[key].inside(steps) if key in self.given else self.keys[key].where

    @property
    def distribution(self) -> Distribution:
        """What images are based on; InputError for a release that its distribution does not have."""
        return Distribution.named(
            str(self.value("kolla_base_distro")), str(self.value("kolla_base_distro_version"))
        )

    @property
    def path(self) -> Path:
        """The main file, for messages about keys nobody has set."""
        return self.config_directory / "globals.yml"


def load(config_directory: Path, catalogue: Catalogue) -> Globals:
    """Read globals.yml, then globals.d/*.yml by name; later ones win.

    Files that do not exist count as empty. InputErrors names all that is wrong.
    """
    found, errors = read(config_directory, catalogue)
    errors += Scope(found.keys, found.given, custom=found.custom).errors()
    raise_all(errors)
    return found


def read(config_directory: Path, catalogue: Catalogue) -> tuple[Globals, list[InputError]]:
    """As `load`, but what is wrong is left out and handed back beside the rest."""
    known = keys.of(catalogue)
    secret = passwords.expected(catalogue)
    given: dict[str, Given] = {}
    custom: dict[str, Given] = {}
    errors: list[InputError] = []
    unreadable: list[InputError] = []
    for name, item, parts in _written(config_directory, unreadable):
        error = mistake(name, item, known, secret)
        if error is not None:
            errors.append(error)
        elif name == "custom":
            custom |= parts
        else:
            given[name] = item
    found = Globals(config_directory, catalogue, known, given, custom, complete=not unreadable)
    return found, [*errors, *unreadable]


def to_add(path: Path, catalogue: Catalogue) -> dict[str, Any]:
    """The keys and values of a file whose settings are to be added to a globals.yml.

    InputErrors names all that is wrong in it.
    """
    known, secret = keys.of(catalogue), passwords.expected(catalogue)
    items = {name: item for name, item, _ in _entries(yamlfile.load(path))}
    raise_all([error for name, item in items.items() if (error := mistake(name, item, known, secret))])
    return {name: item.value for name, item in items.items()}


def mistake(name: str, item: Given, known: Mapping[str, Key], secret: Mapping[str, Any]) -> InputError | None:
    """What is wrong with a key and its value, as far as it shows without evaluating expressions."""
    if name not in known:
        hint = "it belongs in passwords.yml" if name in secret else did_you_mean(name, known)
        return InputError(
            f"unknown key '{name}'",
            where=item.where,
            expected=None
            if hint
            else "a key of docs/reference/settings.md; variables of your own go below custom:",
            hint=hint,
        )
    if item.value is None:
        return InputError(
            f"'{name}' has no value", where=item.where, hint="remove the line, and the default is used"
        )
    try:
        texts = list(_texts(item.value))
        for text in texts:
            expressions.check(text, item.where)
        if not texts:
            typed(known[name], item.value, item)
    except InputError as error:
        return error
    return None


def _texts(value: Any) -> Iterator[str]:
    """Every string with an expression in it, at any depth."""
    if isinstance(value, str):
        if expressions.is_expression(value):
            yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)


_Entry = tuple[str, Given, dict[str, Given]]
"""Key, value, and, of a mapping, its parts."""


def _written(directory: Path, errors: list[InputError]) -> Iterator[_Entry]:
    """What the files say; those that cannot be read are added to `errors`."""
    main = directory / "globals.yml"
    for path in (*([main] if main.exists() else []), *sorted((directory / "globals.d").glob("*.yml"))):
        try:
            yield from _entries(yamlfile.load(path))
        except InputError as error:
            errors.append(error)


def _entries(document: Document) -> Iterator[_Entry]:
    """What a file says. InputError when it is not keys and values."""
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        raise InputError("this is not a mapping", where=document.where(), expected="key: value")
    for name, value in data.items():
        parts = value if isinstance(value, dict) else {}
        yield (
            str(name),
            _given(document, [name], value),
            {str(part): _given(document, [name, part], inner) for part, inner in parts.items()},
        )


def _given(document: Document, path: YamlPath, value: Any) -> Given:
    return Given(value, document.where(path), document.text(path), document, path)
