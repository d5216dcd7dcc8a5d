"""The clock of this host."""

from __future__ import annotations

import ctypes

TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronized."""
TIMEX_BYTES = 512
"""More than `struct timex` has anywhere; zero asks and changes nothing."""


def is_kept() -> bool:
    """Whether the kernel was told by a time server's client that the clock is right. So it is also where the
    kernel does not say."""
    answer: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    return answer != TIME_ERROR
