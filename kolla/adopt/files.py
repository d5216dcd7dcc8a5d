"""The other tool's override files: which of them some layer of ours reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from jinja2 import TemplateSyntaxError, meta
from jinja2.sandbox import SandboxedEnvironment

from kolla.adopt.finding import Finding
from kolla.adopt.mapping import Overrides, matches
from kolla.errors import Location, nearest


def readable(files: Mapping[str, Path], read: Collection[str], mapping: Overrides) -> dict[str, Path]:
    """Of the files, by path below config/, those that can stay where they are."""
    refused = mapping.missing
    return {name: path for name, path in files.items() if name in read and not matches(name, refused)}


def findings(files: Mapping[str, Path], read: Collection[str], mapping: Overrides) -> Iterator[Finding]:
    """Files that nothing of ours would read."""
    kept = readable(files, read, mapping)
    for name, path in files.items():
        if name in kept:
            continue
        known = next((to for pattern, to in mapping.missing.items() if matches(name, [pattern])), None)
        near = None if known else nearest(name, read)
        instead = known or (
            f"config/{near} is read" if near else "an override of a service that Kolla has, or none"
        )
        yield Finding(
            f"config/{name}", Location(path), "nothing of Kolla's reads this file; not copied", instead
        )


def variables(
    files: Mapping[str, Path], texts: Mapping[str, str], known: Collection[str]
) -> Iterator[Finding]:
    """Names in files that are copied that Kolla's templates do not have: that tool's own variables."""
    for name, text in texts.items():
        try:
            used = meta.find_undeclared_variables(SandboxedEnvironment().parse(text))
        except TemplateSyntaxError as error:
            why = f"it is no template: {error.message}"
            yield Finding(
                f"config/{name}", Location(files[name], error.lineno), why, "mend the copy", must=True
            )
            continue
        for variable in sorted(used - set(known)):
            line = next((n for n, row in enumerate(text.splitlines(), 1) if variable in row), None)
            near = nearest(variable, known)
            instead = f"in the copy, use '{near}' or a value" if near else "write the value into the copy"
            why = f"it uses '{variable}', which Kolla's templates do not have"
            yield Finding(f"config/{name}", Location(files[name], line), why, instead, must=True)
