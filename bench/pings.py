"""Counting lost pings: `with Pings("10.0.2.150") as pings: ...`, then `pings.lost`, `pings.longest_gap`.

Sending is a program of its own, `python3 pings.py ADDRESS`, so that it can run on another host (`prefix`),
and so that the tests' own work does not delay it. It ends with its standard input and prints what came of
each ping.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

INTERVAL = 0.1
"""Seconds between two pings."""
PATIENCE = 2.0
"""Seconds after which a ping without an answer is lost; the guest shares two processors with a deploy."""
ECHO, REPLY = 8, 0


class Pings:
    """Pings an address, ten times a second, while the context lasts."""

    def __init__(self, address: str, prefix: Sequence[str] = ()) -> None:
        self.answered: list[bool] = []
        """Of each ping, in their order, whether it was answered."""
        self.begun = 0.0
        """When the first was answered, in seconds since the epoch."""
        self._command = [*prefix, "python3", "-c", Path(__file__).read_text(), address]

    @property
    def lost(self) -> int:
        """How many were not answered."""
        return self.answered.count(False)

    @property
    def longest_gap(self) -> float:
        """Seconds of the longest time without an answer."""
        return max((length for _, length in runs(self.answered)), default=0) * INTERVAL

    @property
    def gaps(self) -> list[str]:
        """Each time without an answer: when it began, as a clock shows it, and its seconds."""
        begins = [(self.begun + place * INTERVAL, length * INTERVAL) for place, length in runs(self.answered)]
        return [f"{time.strftime('%T', time.localtime(begin))} {length:.1f} s" for begin, length in begins]

    def __enter__(self) -> Pings:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "answered\n", "the first ping is not answered"
        self.begun = time.time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        printed, _ = self._process.communicate()
        if kind is None:
            self.answered = json.loads(printed)

    def __str__(self) -> str:
        found = f"{self.lost} of {len(self.answered)} lost, longest gap {self.longest_gap:.1f} s"
        return f"{found} ({', '.join(self.gaps)})" if self.lost else found


def runs(answered: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Each series of pings without an answer: the number of its first, and how many they are."""
    place = 0
    for answer, same in itertools.groupby(answered):
        length = len(list(same))
        if not answer:
            yield place, length
        place += length


def ping(address: str) -> None:
    """Ping until standard input ends."""
    identity = os.getpid() & 0xFFFF
    sent: list[float] = []
    answered: dict[int, float] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as wire:
        due, end = time.monotonic(), None
        while end is None or time.monotonic() < end:
            if end is None and time.monotonic() >= due:
                sent.append(time.monotonic())
                due += INTERVAL
                with contextlib.suppress(OSError):  # no route at this moment: lost
                    wire.sendto(request(identity, len(sent) - 1), (address, 0))
            waiting = [wire] if end is not None else [wire, sys.stdin]
            ready, _, _ = select.select(waiting, [], [], max(0.0, min(due - time.monotonic(), INTERVAL)))
            if wire in ready:
                packet = wire.recv(2048)
                kind, _, _, its, number = struct.unpack("!BBHHH", packet[(packet[0] & 15) * 4 :][:8])
                if (kind, its) == (REPLY, identity):
                    answered.setdefault(number, time.monotonic())
                    if len(answered) == 1:
                        print("answered", flush=True)
            if sys.stdin in ready and not sys.stdin.read(1):
                end = time.monotonic() + PATIENCE
    first = min(answered, default=0)
    json.dump(
        [answered.get(n & 0xFFFF, end) - at < PATIENCE for n, at in enumerate(sent) if n >= first], sys.stdout
    )


def request(identity: int, number: int) -> bytes:
    """An ICMP echo request (RFC 792)."""
    header = struct.pack("!BBHHH", ECHO, 0, 0, identity, number & 0xFFFF)
    total = sum(struct.unpack("!4H", header))
    total = (total >> 16) + (total & 0xFFFF)
    return struct.pack("!BBHHH", ECHO, 0, ~total & 0xFFFF, identity, number & 0xFFFF)


if __name__ == "__main__":
    ping(sys.argv[1])
