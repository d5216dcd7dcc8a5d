"""Which settings a text is made from, and where somebody set them: what a plan says beside a change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from kolla.errors import Location
from kolla.settings.expressions import is_expression, names
from kolla.settings.settings import Settings

_EXPRESSION = re.compile(r"\{\{.*?\}\}")

NOTHING: Mapping[str, str] = {}


def origin(settings: Settings, host: str, text: str, variables: Mapping[str, str] = NOTHING) -> str:
    """`keystone_workers (globals.yml:3)` for each setting that the expressions in `text` lead to.

    Followed through `variables` (name -> expression) and through defaults that are expressions; where
    somebody set one of them, only those are named. Empty when no setting takes part.
    """
    found = dict(_found(settings, host, text, variables, set()))
    given = {name: where for name, where in found.items() if where}
    shown = [f"{name} ({where or 'its default'})" for name, where in (given or found).items()]
    return ", ".join(shown)


def lines(settings: Settings, host: str, template: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Beginning of a template's line, up to its first expression -> its `origin`.

    Only of lines that begin with a word of their own, so that a line of the result can be told by it.
    """
    found: dict[str, str] = {}
    for line in template.splitlines():
        expressions = _EXPRESSION.findall(line)
        beginning = line.partition("{{")[0].strip()
        if not expressions or not beginning or "{%" in beginning:
            continue
        source = origin(settings, host, "".join(expressions), variables)
        if source:
            known = found.get(beginning)
            found[beginning] = f"{known}, {source}" if known and source not in known else source
    return found


def _found(
    settings: Settings, host: str, text: str, variables: Mapping[str, str], seen: set[str]
) -> Iterator[tuple[str, str]]:
    """Name and place of the settings in `text`; of one that nobody set the place is empty."""
    for name in sorted(names(text) - seen):
        seen.add(name)
        if name in variables:
            yield from _found(settings, host, str(variables[name]), variables, seen)
            continue
        key = settings.globals.keys.get(name)
        if key is None:
            continue
        given = settings.given(host, name)
        if given is not None:
            yield name, _place(given.where, settings)
            continue
        default = key.setting.default
        leads_on = isinstance(default, str) and is_expression(default)
        further = list(_found(settings, host, default, NOTHING, seen)) if leads_on else []
        yield from [one for one in further if one[1]] or [(name, "")]


def _place(where: Location, settings: Settings) -> str:
    """As an operator knows it: below the configuration directory without that."""
    if where.path.is_relative_to(settings.config_directory):
        where = Location(where.path.relative_to(settings.config_directory), where.line)
    return str(where)
