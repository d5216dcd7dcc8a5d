"""Progress: a live picture on a terminal, one line per event everywhere else."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from kolla.cli.show import duration
from kolla.events import Event, Listener

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

Key = tuple[str, str, str]
"""Phase, host and subject of something that runs."""

COLOURS = {"done": "green", "skipped": "dim", "failed": "bold red", "blocked": "yellow"}
MOST_SHOWN = 12
"""Most running subjects on the screen at a time."""


@dataclass
class Tally:
    """What is known of the phase that goes on. A phase nobody announced begins with its first event."""

    phase: str = ""
    total: int = 0
    ended: int = 0
    failed: int = 0
    began: float = 0.0
    running: dict[Key, float] = field(default_factory=dict)
    """What runs -> when it started."""

    def take(self, event: Event, now: float) -> float:
        """Count an event; returns the seconds it took, by our own clock when it does not say."""
        key = (event.phase, event.host, event.subject)
        begins = event.status == "started"
        if event.phase != self.phase or (begins and not event.subject):
            self._enter(event, now)
        if not event.subject:
            if not begins:
                self.running = {k: began for k, began in self.running.items() if k[0] != event.phase}
            return 0.0 if begins else event.seconds or now - self.began
        if begins:
            self.running[key] = now
            return 0.0
        self.ended += 1
        self.failed += event.status == "failed"
        began = self.running.pop(key, now)
        return event.seconds or now - began

    def _enter(self, event: Event, now: float) -> None:
        self.phase, self.total, self.began = event.phase, event.total, now
        self.ended = self.failed = 0

    def headline(self, now: float) -> str:
        """`deploy 7/23, 1 failed, 42.0s`."""
        parts = [f"{self.phase} {self.ended}/{self.total}" if self.total else self.phase]
        if self.failed:
            parts.append(f"{self.failed} failed")
        parts.append(duration(now - self.began))
        return ", ".join(parts)


def plain_lines(event: Event, seconds: float, clock: str) -> list[str]:
    """An event as lines of a log: time, phase, host, subject, status, and the log of a failure."""
    words = [clock, event.phase, event.host, event.subject, event.status]
    if event.status == "started" and event.total:
        words.append(f"({event.total})")
    if event.status in ("done", "failed"):
        words.append(duration(seconds))
    line = " ".join(word for word in words if word)
    if event.message:
        line += f": {event.message}"
    return [line, *(f"    | {logged}" for logged in event.log)]


class Plain:
    """One line per event. Safe to call from several threads."""

    def __init__(self, stream: TextIO, now: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._now = now
        self._tally = Tally()
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Write the event down at once."""
        with self._lock:
            now = self._now()
            seconds = self._tally.take(event, now)
            clock = time.strftime("%H:%M:%S", time.localtime(now))
            for line in plain_lines(event, seconds, clock):
                print(line, file=self._stream, flush=True)


class Live:
    """What runs now, for how long, and how much is done; what has ended scrolls away above it."""

    def __init__(self, console: Console, now: Callable[[], float] = time.monotonic) -> None:
        from rich.spinner import Spinner

        self._console = console
        self._now = now
        self._tally = Tally()
        self._lock = threading.Lock()
        self._spinner = Spinner("dots", style="cyan")

    def __call__(self, event: Event) -> None:
        """Take the event in; a phase's end, failures and messages stay on the screen."""
        with self._lock:
            seconds = self._tally.take(event, self._now())
        ended = event.status != "started"
        if event.message or event.status == "failed" or (ended and not event.subject):
            self._console.print(self._remark(event, seconds if ended else None))

    def picture(self) -> RenderableType:
        """The lines at the bottom of the screen."""
        from rich.console import Group
        from rich.text import Text

        now = self._now()
        with self._lock:
            if not self._tally.phase:
                return Text()
            running = sorted(self._tally.running.items(), key=lambda item: item[1])
            headline = self._tally.headline(now)
        lines = [
            Text.assemble(
                "  ",
                (f"{host}  " if host else "", "cyan"),
                subject,
                (f"  {duration(now - began)}", "dim"),
                no_wrap=True,
                overflow="ellipsis",
            )
            for (_, host, subject), began in running[:MOST_SHOWN]
        ]
        if len(running) > MOST_SHOWN:
            lines.append(Text(f"  and {len(running) - MOST_SHOWN} more", style="dim"))
        self._spinner.update(text=Text(headline, style="bold"))
        return Group(self._spinner, *lines)

    def _remark(self, event: Event, seconds: float | None) -> Text:
        from rich.text import Text

        words = [event.phase, event.host, event.subject]
        text = Text.assemble(
            (f"{event.status:>7}", COLOURS.get(event.status, "")),
            " ",
            (" ".join(word for word in words if word), "" if event.subject else "bold"),
            ("" if seconds is None else f"  {duration(seconds)}", "dim"),
        )
        if event.message:
            text.append(f"  {event.message}")
        for line in event.log:
            text.append(f"\n        | {line}", style="dim")
        return text


@contextlib.contextmanager
def display() -> Iterator[Listener]:
    """A listener on standard error: live if a person watches both streams, else plain lines."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield Plain(sys.stderr)
        return
    from rich.console import Console
    from rich.live import Live as Screen

    console = Console(stderr=True, highlight=False)
    live = Live(console)
    with Screen(get_renderable=live.picture, console=console, refresh_per_second=8, transient=True):
        yield live
