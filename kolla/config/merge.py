"""Merging the layers of a configuration file, and knowing which layer set what."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from kolla import yamlfile
from kolla.catalogue.model import ConfigFile
from kolla.config import ini
from kolla.errors import InputError, Location

Format = Literal["oslo", "ini", "yaml", "json", "text"]

_SUFFIXES: Mapping[str, Format] = {".ini": "ini", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}


@dataclass(frozen=True)
class Layer:
    """One text that takes part, already rendered."""

    name: str
    """As an operator knows it: `config/keystone.conf`."""
    text: str
    path: Path | None = None
    """The file, for messages; else the name stands for it."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Beginning of a line -> the settings what follows it is made from, and where they are set."""

    @property
    def file(self) -> Path:
        """What messages call it."""
        return self.path or Path(self.name)


@dataclass(frozen=True)
class Merged:
    """The file, and the name of the layer each key's value is from."""

    text: str
    origins: Mapping[str, str]
    """Keys as `keys` names them; a text file has one, `""`."""
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Layer -> its `settings`."""


def file_format(name: str, file: ConfigFile) -> Format:
    """How a file's layers are merged: as declared, else by its suffix, else as a whole."""
    return file.format or _SUFFIXES.get(PurePosixPath(name).suffix, "text")


def merge(format: str, layers: Sequence[Layer]) -> Merged:
    """Merge layers, later ones over earlier ones.

    INI: a later layer replaces all values of a key; repeated keys stay within a layer. YAML and JSON:
    mappings merge, anything else is replaced. Text: the last layer is the file. Sections and keys
    keep the order in which they first appear. InputError names file and line of a syntax error.
    """
    if format == "text":
        merged = Merged(layers[-1].text, {"": layers[-1].name}) if layers else Merged("", {})
    elif format in ("oslo", "ini"):
        merged = _merge_ini(layers, bare_keys=format == "ini")
    else:
        merged = _merge_tree(layers, *_TREES[format])
    return replace(merged, settings={layer.name: layer.settings for layer in layers if layer.settings})


def keys(format: str, text: str, file: Path) -> dict[str, str]:
    """Every key of a file and its value as text: what two versions of it are compared by.

    INI keys are `[section] key`; YAML and JSON keys are paths, `a.b`; text has its lines.
    """
    if format in ("oslo", "ini"):
        return {
            ini.shown(section, key): ", ".join("" if value is None else value for value in values)
            for section, entries in ini.parse(text, file, bare_keys=format == "ini").items()
            for key, values in entries.items()
        }
    if format in _TREES:
        parse, _ = _TREES[format]
        return {
            key: value if isinstance(value, str) else json.dumps(value, default=str)
            for key, value in _leaves(parse(text, file), "")
        }
    return {f"line {number}": line for number, line in enumerate(text.splitlines(), 1)}


def _merge_ini(layers: Sequence[Layer], *, bare_keys: bool) -> Merged:
    merged: ini.Sections = {}
    origins: dict[str, str] = {}
    for layer in layers:
        for section, entries in ini.parse(layer.text, layer.file, bare_keys=bare_keys).items():
            target = merged.setdefault(section, {})
            for key, values in entries.items():
                target[key] = values
                origins[ini.shown(section, key)] = layer.name
    return Merged(ini.write(merged), origins)


_Parse = Callable[[str, Path], Any]
_Write = Callable[[Any], str]


def _merge_tree(layers: Sequence[Layer], parse: _Parse, write: _Write) -> Merged:
    merged: Any = None
    origins: dict[str, str] = {}
    for layer in layers:
        data = parse(layer.text, layer.file)
        if data is None:
            continue
        before = dict(_leaves(merged, "")) if merged is not None else {}
        merged = _deep(merged, data)
        given = dict(_leaves(data, ""))
        origins = {
            key: layer.name if key in given or key not in before else origins[key]
            for key, _ in _leaves(merged, "")
        }
    return Merged("" if merged is None else write(merged), origins)


def _deep(under: Any, over: Any) -> Any:
    """`over` on top of `under`: mappings merge, everything else is replaced."""
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    return under | {key: _deep(under[key], value) if key in under else value for key, value in over.items()}


def _leaves(data: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Path and value of everything that is not a mapping with something in it."""
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, data


def _parse_yaml(text: str, file: Path) -> Any:
    return yamlfile.parse(text, file).data


def _parse_json(text: str, file: Path) -> Any:
    if not text.strip():
        return None

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            again = next(name for name in names if names.count(name) > 1)
            raise InputError(f"the key '{again}' is given twice", where=Location(file))
        return found

    try:
        return json.loads(text, object_pairs_hook=mapping)
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg}", where=Location(file, error.lineno, error.colno)) from None


def _write_yaml(data: Any) -> str:
    return yamlfile.dump(data, width=1000)


def _write_json(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


_TREES: Mapping[str, tuple[_Parse, _Write]] = {
    "yaml": (_parse_yaml, _write_yaml),
    "json": (_parse_json, _write_json),
}
