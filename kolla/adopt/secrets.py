"""passwords.yml of the other tool as ours: the same secrets under our names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kolla.adopt.finding import Finding
from kolla.adopt.mapping import Passwords
from kolla.errors import Location
from kolla.secret import Secret


@dataclass(frozen=True)
class CarriedSecrets:
    """Ours -> value, and names of theirs that nothing here asks for."""

    given: Mapping[str, Secret] = field(repr=False)
    unused: tuple[str, ...]


def carry(theirs: Mapping[str, Secret], mapping: Passwords, expected: Mapping[str, object]) -> CarriedSecrets:
    """Sort every key; `expected` are those of our services, and of the registry."""
    named = {mapping.renamed.get(name, name): value for name, value in theirs.items()}
    given = {name: value for name, value in named.items() if name in expected}
    unused = tuple(name for name in theirs if mapping.renamed.get(name, name) not in expected)
    return CarriedSecrets(given, unused)


def findings(carried: CarriedSecrets, made: Mapping[str, Secret], where: Location) -> list[Finding]:
    """What was left behind, and what was made anew. Never a value."""
    found = []
    if carried.unused:
        what = f"{len(carried.unused)} passwords"
        why = f"no service of Kolla's asks for them: {', '.join(carried.unused)}"
        found.append(Finding(what, where, why, "keep that file while anything of that tool's runs"))
    if made:
        what = f"{len(made)} passwords"
        why = f"that tool has no such, so they were made: {', '.join(made)}"
        found.append(Finding(what, where, why))
    return found
