"""Fetching the image of the user's choice, all of it."""

from __future__ import annotations

import http.client
import shutil
import urllib.request
from pathlib import Path

SILENCE = 60
"""Seconds the other side may say nothing."""
BLOCK = 1 << 20


class Failed(Exception):
    """The file is not here, or not all of it. Says why."""


def fetch(url: str, path: Path) -> None:
    """Have in the file `path` what is at an address (http, https). Failed when it is not there as a whole."""
    try:
        with urllib.request.urlopen(url, timeout=SILENCE) as answer, path.open("wb") as file:
            shutil.copyfileobj(answer, file, BLOCK)
            announced = answer.headers["Content-Length"]
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Failed(" ".join(str(error).split()) or type(error).__name__) from None
    # Reading piece by piece ends with the connection, whether all has come or not.
    size = path.stat().st_size
    if announced is not None and announced != str(size):
        raise Failed(f"the connection ended after {size} of {announced} bytes")
