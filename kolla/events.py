"""What a run reports while it goes on. Those who work say it, those who show it listen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["started", "done", "skipped", "failed", "blocked"]


@dataclass(frozen=True)
class Event:
    """One thing that began or ended.

    Without `subject` it is about the phase itself: `started` says how many subjects it will have
    (`total`, 0 when nobody knows), any other status ends it.
    """

    phase: str
    """build, pull, observe, deploy, ...: the word for what is going on."""
    status: Status
    subject: str = ""
    """An image's name, an operation's id."""
    host: str = ""
    seconds: float = 0.0
    """How long it took; 0 while it runs."""
    message: str = ""
    log: tuple[str, ...] = ()
    """Last lines of its log, when it failed."""
    total: int = 0

    def to_json(self) -> dict[str, Any]:
        """The event without what is empty, ready for `json.dumps`."""
        return {key: value for key, value in asdict(self).items() if value}


Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A listener for callers who do not want to know."""
