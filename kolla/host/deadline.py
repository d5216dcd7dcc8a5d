"""A point in time by which something must be done."""

from __future__ import annotations

import time

from .errors import OperationFailed


class Deadline:
    """So many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self._end - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether there is no time left."""
        return self.remaining == 0.0

    def check(self, what: str) -> None:
        """OperationFailed naming `what` once the time is over."""
        if self.passed:
            raise OperationFailed(f"{what} did not finish within {self.seconds:g} s")
