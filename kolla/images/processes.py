"""Programs that the builder runs, and that end when it does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import IO

from kolla.errors import KollaError

GRACE = 20.0
"""Seconds a program has to clean up after itself when it is told to end."""


class Cancelled(KollaError):
    """The run is being given up."""

    def __init__(self) -> None:
        super().__init__("cancelled")


class Processes:
    """Those that run now; used by several threads."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._guard = threading.Lock()
        self._ended = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._ended.is_set()

    def run(
        self,
        command: Sequence[str],
        log: IO[bytes],
        environment: Mapping[str, str],
        *,
        given: bytes = b"",
        timeout: float | None = None,
        errors: IO[bytes] | None = None,
    ) -> int | None:
        """Run a program, all it prints going to `log`, or its errors to `errors`. Gives back its exit code,
        None when `timeout` seconds were too few.

        `given` is its standard input. It is in a session of its own, so that the terminal's Ctrl-C
        reaches only us, and we end it in our own way, also when it is this thread that is interrupted.
        Cancelled once `cancel` was called.
        """
        with self._guard:
            if self.cancelled:
                raise Cancelled
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=errors or subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
            self._running.add(process)
        try:
            process.communicate(given, timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            return None
        except KeyboardInterrupt:
            _end(process, signal.SIGINT)
            raise
        finally:
            with self._guard:
                self._running.discard(process)
        if self.cancelled:
            raise Cancelled
        return process.returncode

    def wait(self, seconds: float) -> None:
        """Do nothing for a while; Cancelled as soon as `cancel` is called."""
        if self._ended.wait(seconds):
            raise Cancelled

    def cancel(self) -> None:
        """End all that run, and all that they started; no other begins."""
        self._ended.set()
        with self._guard:
            running = tuple(self._running)
        for process in running:
            _signal(process, signal.SIGTERM)
        for process in running:
            _end(process)


def _end(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGTERM) -> None:
    _signal(process, number)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
        os.killpg(process.pid, number)
