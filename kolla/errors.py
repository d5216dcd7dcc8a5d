"""The one way this package says no: what is wrong, where, what was expected, what to type next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Location:
    """A place in a file the operator can open; `line` and `column` count from 1."""

    path: Path
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)


class KollaError(Exception):
    """An error an operator can act on.

    `what` is one sentence without a final full stop; `expected` says what would have been right;
    `hint` is what to do next, usually a command or the nearest valid name.
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        where: Location | None = None,
        expected: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.expected = expected
        self.hint = hint

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


class InputError(KollaError):
    """Settings, inventory, overrides or a service folder are wrong; nothing was touched."""

    exit_code = 3


class ChangedError(InputError):
    """The hosts are not as they were when a plan was shown, and it would be another by now."""

    def __init__(self, hint: str) -> None:
        super().__init__("the hosts have changed since this plan was shown", hint=hint)


class LockedError(KollaError):
    """Another deployer holds a host."""

    exit_code = 4


class InputErrors(InputError):
    """Several input errors found in one reading, so that one run shows all of them."""

    def __init__(self, errors: Iterable[KollaError]) -> None:
        self.errors = tuple(errors)
        super().__init__(f"{len(self.errors)} errors in the input")

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


def raise_all(errors: Sequence[KollaError]) -> None:
    """Raise all of them as one, each shown once; do nothing when there are none."""
    distinct = list({str(error): error for error in errors}.values())
    if distinct:
        raise distinct[0] if len(distinct) == 1 else InputErrors(distinct)


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `name` was most likely meant to be, or None when nothing is close."""
    matches = difflib.get_close_matches(name, list(candidates), n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """A hint naming the nearest candidate, or None."""
    match = nearest(name, candidates)
    return f"did you mean '{match}'?" if match else None
