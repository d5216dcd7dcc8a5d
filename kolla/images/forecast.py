"""What a build would do, and why. Decided with nothing run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kolla.catalogue.catalogue import Catalogue
from kolla.images.history import History
from kolla.images.identity import identity
from kolla.images.inputs import Inputs
from kolla.images.preparation import Preparation
from kolla.images.selection import Scope
from kolla.images.why import FIRST, NO_BASE, REFRESHED, TAKEN, UNCHANGED, again
from kolla.settings.globals import Globals

UNKNOWN = ""
"""Stands for the identity of an image whose packages are known only when it is built."""


@dataclass(frozen=True)
class Forecast:
    """One image: whether it would be built, and why."""

    name: str
    builds: bool
    why: str


def forecast(
    settings: Globals,
    catalogue: Catalogue,
    names: Sequence[str],
    state_directory: Path,
    *,
    refresh: bool = False,
    skip_parents: bool = False,
    skip_existing: bool = False,
) -> tuple[Forecast, ...]:
    """What `build` would do with the same arguments, parents first. InputError for what it would refuse."""
    prepared = Preparation.of(
        settings,
        catalogue,
        names,
        state_directory,
        refresh=refresh,
        skip_parents=skip_parents,
        skip_existing=skip_existing,
        ask=False,
    )
    return foresee(prepared.inputs, prepared.history, prepared.scope, prepared.refresh)


def foresee(inputs: Inputs, history: History, scope: Scope, fresh: frozenset[str]) -> tuple[Forecast, ...]:
    """The same, of what is known; images in `fresh` take the newest packages."""
    identities = history.aside(inputs.graph, scope.reached)
    found = []
    for name in inputs.graph.nodes:
        if name not in scope.reached:
            continue
        if name in scope.taken:
            _, identities[name], _ = history.taken(inputs, name)
            found.append(Forecast(name, False, TAKEN))
            continue
        refresh = name in fresh
        reason = history.why(inputs, name, identities, refresh=refresh)
        if reason and not refresh and (made := history.again(inputs, name, identities)):
            _, identities[name], _ = made
            found.append(Forecast(name, False, again(reason)))
            continue
        found.append(Forecast(name, bool(reason), reason or UNCHANGED))
        identities[name] = _identity(inputs, history, name, identities, reason)
    return tuple(found)


def _identity(inputs: Inputs, history: History, name: str, identities: Mapping[str, str], reason: str) -> str:
    if reason in (FIRST, REFRESHED, NO_BASE):
        return UNKNOWN
    locked = history.lock.entry(inputs.graph.nodes[name].packages_key)
    return identity(inputs.hashes(name, identities, history.base, locked))
