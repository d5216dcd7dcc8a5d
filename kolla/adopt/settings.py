"""globals.yml of the other tool as ours: values carried over, and what cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kolla.adopt.finding import Finding
from kolla.adopt.mapping import Globals, Missing
from kolla.errors import InputError
from kolla.settings import globals as globals_file
from kolla.settings.expressions import UndefinedVariable
from kolla.settings.keys import Key, enable_key
from kolla.settings.scope import Given, Scope
from kolla.yamlfile import Document, dump

_HEADER = """\
---
# Written by `kolla adopt` from {sources}; it is yours from now on.
# What could not be carried over is listed in adoption.txt beside it.
"""


@dataclass
class Carried:
    """What our globals.yml is to hold, and the findings."""

    given: dict[str, Given] = field(default_factory=dict)
    """Ours -> value."""
    custom: dict[str, Given] = field(default_factory=dict)
    """Keys that nothing is known of."""
    added: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def carry(documents: Sequence[Document], mapping: Globals, known: Mapping[str, Key]) -> Carried:
    """Sort every key of the files, of which later ones win, as that tool reads them."""
    theirs = {
        str(name): Given(value, document.where([name]), document.text([name]), document, [name])
        for document in documents
        for name, value in (document.data or {}).items()
        if value is not None
    }
    defaults = {name: value for name, value in mapping.defaults.items() if name not in theirs}
    carried = Carried(
        added={**defaults, **mapping.added, "volume_names": dict(mapping.added["volume_names"])}
    )
    for name, given in theirs.items():
        _sort(name, given, carried, mapping, known)
    carried.findings += _defaults(theirs, documents, mapping, carried)
    _check(carried, known)
    return carried


def _sort(name: str, given: Given, carried: Carried, mapping: Globals, known: Mapping[str, Key]) -> None:
    if name in mapping.volumes:
        if given.value != mapping.volumes[name]:
            carried.added["volume_names"][mapping.volumes[name]] = given.value
    elif name in mapping.renamed:
        carried.given[mapping.renamed[name]] = given
    elif mapping.is_settled(name):
        pass
    elif (missing := mapping.missing_key(name, known=name in known)) and missing.loses(given.value):
        carried.findings.append(_finding(name, given, missing))
        _switch_off(missing, carried)
    elif name in known:
        carried.given[name] = given
    elif missing:
        pass
    else:
        carried.custom[name] = given
        why = "it is no key that Kolla or that tool's samples know, and is kept below custom:"
        instead = f"templates and expressions see it as custom.{name}; or remove it"
        carried.findings.append(Finding(name, given.where, why, instead))


def _defaults(
    theirs: Mapping[str, Given], documents: Sequence[Document], mapping: Globals, carried: Carried
) -> Iterator[Finding]:
    """What that tool does without being told, and Kolla does not."""
    for missing in mapping.missing:
        for key in missing.keys if missing.default else ():
            if key not in theirs:
                where = documents[0].where() if documents else None
                why = f"not set, which is '{missing.default}' there: {missing.why}"
                yield Finding(key, where, why, missing.instead, missing.must)
                _switch_off(missing, carried)


def _finding(name: str, given: Given, missing: Missing) -> Finding:
    return Finding(name, given.where, missing.why, missing.instead, missing.must)


def _switch_off(missing: Missing, carried: Carried) -> None:
    carried.added.update({enable_key(service): False for service in missing.without})


def _check(carried: Carried, known: Mapping[str, Key]) -> None:
    """Take out what our own checks refuse, as values and as expressions over what is left."""
    for name, given in list(carried.given.items()):
        error = globals_file.mistake(name, given, known, {}) or _evaluated(name, carried, known)
        if error is not None:
            del carried.given[name]
            carried.findings.append(Finding.of(error, name))


def _evaluated(name: str, carried: Carried, known: Mapping[str, Key]) -> InputError | None:
    scope = Scope(known, carried.given, custom=carried.custom)
    try:
        scope.get(name)
    except UndefinedVariable as error:
        # What only a host has, a host has here too: keys of ours of that scope.
        return None if error.name in known else error
    except InputError as error:
        return error
    return None


def text(carried: Carried, known: Mapping[str, Key], sources: Sequence[Document]) -> str:
    """globals.yml, in the order that tool's had."""
    names = ", ".join(str(document.path) for document in sources) or "nothing"
    ours: dict[str, Any] = {
        name: given.written if _is_text(known[name], given) else given.value
        for name, given in carried.given.items()
        if name not in carried.added
    }
    parts = [ours, carried.added]
    if carried.custom:
        parts.append({"custom": {name: given.value for name, given in carried.custom.items()}})
    return _HEADER.format(sources=names) + "\n".join(dump(part, width=110) for part in parts if part)


def _is_text(key: Key, given: Given) -> bool:
    """Whether a scalar is to be written as it stood: `2026.10` is no number."""
    return key.setting.type == "string" and given.written is not None and not isinstance(given.value, bool)
