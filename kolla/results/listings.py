"""What there is, for verbs that only look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rows:
    """A table, for verbs that only look."""

    rows: tuple[Mapping[str, Any], ...]
    exit_code: int = 0
    notes: tuple[str, ...] = ()
    """Sentences under it, for people."""

    def to_json(self) -> Any:
        """The rows."""
        return [dict(row) for row in self.rows]


@dataclass(frozen=True)
class Listing:
    """What there is, in lines for people and as data for programs."""

    lines: tuple[str, ...]
    document: Any
    exit_code: int = 0

    def to_json(self) -> Any:
        """The data."""
        return self.document

    def text(self) -> str:
        """The lines."""
        return "\n".join(self.lines)


@dataclass(frozen=True)
class Lines:
    """Plain lines of text."""

    lines: tuple[str, ...]
    exit_code: int = 0

    def to_json(self) -> Any:
        """The lines."""
        return list(self.lines)

    def text(self) -> str:
        """As they are."""
        return "\n".join(self.lines)
