"""How busy the machine was: `with Busy() as busy: ...`, then `busy.ratio`."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType

INTERVAL = 0.5
"""Seconds of one sample."""
FULL = 0.9
"""Share of all processors' time from which on they count as busy."""
TRANSFER = 1e6
"""Bytes a second from which on the network counts as used."""


class Busy:
    """Samples, while the context lasts, whether all processors work or something is fetched."""

    def __init__(self) -> None:
        self.samples: list[bool] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    @property
    def ratio(self) -> float:
        """Share of the time."""
        return sum(self.samples) / max(1, len(self.samples))

    def __enter__(self) -> Busy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _sample(self) -> None:
        idle, received = _idle(), _received()
        all_of_it = INTERVAL * os.sysconf("SC_CLK_TCK") * (os.cpu_count() or 1)
        while not self._end.wait(INTERVAL):
            idle_now, received_now = _idle(), _received()
            working = (idle_now - idle) <= (1 - FULL) * all_of_it
            self.samples.append(working or received_now - received >= TRANSFER * INTERVAL)
            idle, received = idle_now, received_now


def _idle() -> int:
    """Ticks that processors did nothing: idle and iowait of proc(5)."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()
    return int(fields[4]) + int(fields[5])


def _received() -> int:
    """Bytes that came in over all interfaces but the loopback one, and those of containers."""
    lines = Path("/proc/net/dev").read_text().splitlines()[2:]
    counts = {line.split(":")[0].strip(): int(line.split(":")[1].split()[0]) for line in lines}
    return sum(count for name, count in counts.items() if not name.startswith(("lo", "veth", "br", "docker")))
