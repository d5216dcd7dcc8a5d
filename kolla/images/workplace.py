"""The state directory while somebody works on images in it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kolla.errors import KollaError


@contextmanager
def alone(state_directory: Path) -> Iterator[None]:
    """Have it for oneself; KollaError when another build, push or load works there. Ends with the process."""
    with (state_directory / "build.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"another build works in {state_directory}"
            raise KollaError(message, hint="wait until it is done") from None
        yield
