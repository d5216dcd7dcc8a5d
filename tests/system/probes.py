"""Somebody who asks one URL twenty times a second: `with Probes(url) as probes`, then `probes.failed`."""

from __future__ import annotations

import http.client
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from types import TracebackType
from urllib.parse import urlsplit

INTERVAL = 0.05
"""Seconds between two questions, whether the first was answered or not."""
PATIENCE = 10
"""Seconds an answer may take."""
AT_A_TIME = 400


class Probes:
    """Each question has a connection of its own, as most clients of APIs do."""

    def __init__(self, url: str) -> None:
        self.asked = 0
        self.failed: list[str] = []
        self._url = urlsplit(url)
        self._answered: list[float] = []
        self._over = threading.Event()
        self._asking = threading.Thread(target=self._ask_all)

    def __enter__(self) -> Probes:
        self._asking.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._asking.join()

    @property
    def longest_gap(self) -> float:
        """The longest time, in seconds, in which nothing was answered."""
        answered = sorted(self._answered)
        return max((b - a for a, b in pairwise(answered)), default=float("inf"))

    def _ask_all(self) -> None:
        with ThreadPoolExecutor(AT_A_TIME) as threads:
            while not self._over.wait(INTERVAL):
                self.asked += 1
                threads.submit(self._ask)

    def _ask(self) -> None:
        connection = http.client.HTTPConnection(self._url.hostname or "", self._url.port, timeout=PATIENCE)
        try:
            connection.request("GET", self._url.path)
            status = connection.getresponse().status
            assert status < 500, f"status {status}"
        except (OSError, http.client.HTTPException, AssertionError) as error:
            self.failed.append(repr(error))
        else:
            self._answered.append(time.monotonic())
        finally:
            connection.close()
