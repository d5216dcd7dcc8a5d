"""Trying again what may go better next time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from kolla.errors import KollaError

FIRST_PAUSE = 1.0
"""Seconds before the second try; each further pause is twice as long."""

T = TypeVar("T")


def retried(
    action: Callable[[], T],
    retries: int,
    *,
    worthwhile: Callable[[KollaError], bool],
    on_retry: Callable[[int, KollaError], None],
    pause: Callable[[float], None] = time.sleep,
) -> T:
    """What `action` gives, tried again up to `retries` times after a KollaError that is `worthwhile`.

    `on_retry` is told the number of the try that follows (2 is the first) and why. The last error is
    raised.
    """
    for attempt in range(retries):
        try:
            return action()
        except KollaError as error:
            if not worthwhile(error):
                raise
            on_retry(attempt + 2, error)
            pause(FIRST_PAUSE * 2**attempt)
    return action()
