"""One measurement, as it is printed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measurement and what it should be below, if anything."""

    what: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def above(self) -> bool:
        """Whether it has a limit and is above it."""
        return self.limit is not None and self.value > self.limit

    def __str__(self) -> str:
        text = f"{self.what:<42}{self.value:8.2f} {self.unit:<6}"
        if self.limit is None:
            return text.rstrip()
        verdict = "above the limit" if self.above else "ok"
        return f"{text} limit {self.limit:7g}   {verdict}"


def show(figures: Iterable[Figure]) -> str | None:
    """Print figures as they come; which are above their limits, in a sentence to end the program with."""
    above = []
    for figure in figures:
        print(figure, flush=True)
        if figure.above:
            above.append(figure.what.strip())
    return f"above the limit: {', '.join(above)}" if above else None
