"""One measurement, as it is printed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measurement and what it should be below, if anything."""

    what: str
    value: float
    unit: str
    limit: float | None = None

    def __str__(self) -> str:
        text = f"{self.what:<42}{self.value:8.2f} {self.unit:<6}"
        if self.limit is None:
            return text.rstrip()
        verdict = "ok" if self.value <= self.limit else "above the limit"
        return f"{text} limit {self.limit:7g}   {verdict}"
