"""What a program takes: wall time, processor time, memory."""

from __future__ import annotations

import resource
import subprocess
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

INTERVAL = 0.25
"""Seconds between two looks at the memory."""


@dataclass(frozen=True)
class Spent:
    """Of a program and all it started."""

    wall: float
    processor: float
    """Seconds, in the programs and in the system for them: what a busy machine does not change much."""
    memory: float
    """MiB at the worst moment looked at; pages that processes share count once."""


def spent(
    *command: str, environment: Mapping[str, str] | None = None, codes: Collection[int] = (0,)
) -> Spent:
    """Run a program; SystemExit with its words when its exit code is not in `codes`."""
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    with _Memory(process.pid) as memory:
        said, _ = process.communicate()
    wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode not in codes:
        raise SystemExit(f"{' '.join(command)} failed:\n{said[-4000:]}")
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(wall, processor, memory.most / 1024)


class _Memory:
    """Looks, while the context lasts, at the memory of a process and its descendants."""

    def __init__(self, pid: int) -> None:
        self.most = 0
        """KiB."""
        self._pid = pid
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(INTERVAL):
            self.most = max(self.most, sum(map(_memory, descendants(self._pid))))


def descendants(pid: int) -> Iterator[int]:
    """A process and all that descend from it (proc(5)), without those that have ended meanwhile."""
    pids = [pid]
    while pids:
        pid = pids.pop()
        try:
            pids += [
                int(child)
                for thread in Path(f"/proc/{pid}/task").iterdir()
                for child in (thread / "children").read_text().split()
            ]
        except OSError:
            continue
        yield pid


def _memory(pid: int) -> int:
    """KiB of a process, its share of what it shares with others; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
