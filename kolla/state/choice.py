"""Which host has the copy to go on with: `chooses` of a verb in service.yml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kolla.errors import KollaError


@dataclass(frozen=True)
class Copy:
    """What a host says of what lies there."""

    of: str | None
    """What it is a copy of; None: nothing lies there."""
    at: int
    """How far it is."""
    last: bool
    """Whether it says that no other is further."""


def read(said: Mapping[str, Any]) -> Copy | None:
    """A host's answer, None when it is none."""
    of, at, last = said.get("of"), said.get("at"), said.get("last")
    if not (of is None or isinstance(of, str)) or type(at) is not int or type(last) is not bool:
        return None
    return Copy(of, at, last)


def chosen(copies: Mapping[str, Copy | None], name: str) -> str:
    """The host whose copy is furthest, the first of those that are equally far.

    KollaError as long as there is a doubt: a host that does not say (None), copies of different things,
    several that are the last, or a last one that is not the furthest. `name`: the verb.
    """
    silent = [host for host, copy in copies.items() if copy is None]
    if silent:
        raise _doubt(name, f"{', '.join(silent)} does not say what lies there", copies)
    there = {host: copy for host, copy in copies.items() if copy is not None and copy.of is not None}
    if not there:
        raise _doubt(name, "nothing lies on any host", copies)
    if len({copy.of for copy in there.values()}) > 1:
        raise _doubt(name, "these are copies of different things", copies)
    best = max(there, key=lambda host: there[host].at)
    last = [host for host, copy in there.items() if copy.last]
    if len(last) > 1:
        raise _doubt(name, f"{' and '.join(last)} both say that no other is further", copies)
    if last and there[last[0]].at < there[best].at:
        raise _doubt(name, f"{last[0]} says that no other is further, and {best} is", copies)
    return last[0] if last else best


def _doubt(name: str, reason: str, copies: Mapping[str, Copy | None]) -> KollaError:
    return KollaError(
        f"'{name}' changed nothing, as it is not certain which host to go on with: {reason} "
        f"({'; '.join(_lines(copies))})",
        hint="where what lies on a host is not needed, remove its volume there (keep a copy), and run it "
        "again. What was stopped stays so; to start it again, run: kolla deploy",
    )


def _lines(copies: Mapping[str, Copy | None]) -> Sequence[str]:
    return [f"{host}: {_told(copy)}" for host, copy in copies.items()]


def _told(copy: Copy | None) -> str:
    if copy is None:
        return "unknown"
    return "nothing" if copy.of is None else f"{copy.of} at {copy.at}{', the last' if copy.last else ''}"
