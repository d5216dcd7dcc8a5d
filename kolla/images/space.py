"""Whether there is room for images, found out before anything is built."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from kolla.errors import KollaError

FREE_SPACE = 4 * 1024**3
"""Bytes that must be free where the engine keeps images: twice what one large image takes."""


def require(places: Iterable[Path], hint: str) -> None:
    """KollaError unless every place that exists on this machine has room; `hint` says how to make some."""
    for place in places:
        if not place.exists():
            continue  # the engine is on another machine
        free = shutil.disk_usage(place).free
        if free < FREE_SPACE:
            raise KollaError(
                f"no space to build images: {place} has {free / 1e9:.1f} GB free",
                expected=f"at least {FREE_SPACE / 1e9:.1f} GB",
                hint=hint,
            )
