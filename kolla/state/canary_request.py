"""What somebody says who wants a canary. Imports next to nothing: every command line is read with it."""

from __future__ import annotations

import re
from dataclasses import dataclass

SOAK = 60
"""Seconds that a canary is watched when nobody says."""


@dataclass(frozen=True)
class CanaryRequest:
    """The canary somebody asked for."""

    places: tuple[str, ...]
    """Hosts, and parts of groups: `control1`, `compute:10%`."""
    soak: int = SOAK
    """Seconds that it is watched."""


_DURATION = re.compile(r"(\d+)([smh]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


def duration(text: str) -> int:
    """Seconds of `90`, `90s`, `10m` or `1h`; ValueError for anything else."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is no duration; write 90, 90s, 10m or 1h")
    return int(found[1]) * _SECONDS[found[2]]
