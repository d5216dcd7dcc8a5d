"""What a container wrote last: to its standard output, and to the log file of its own."""

from __future__ import annotations

import os
from pathlib import Path

from .engine import Engine
from .projection import LABEL_FOLDER, LABEL_SERVICE
from .shapes import Json

DIRECTORY = "/var/log/kolla"
"""Where containers see the volume of logs."""
LONGEST_LINE = 2000
"""Bytes that are read for each line; of longer ones there are fewer."""


def written(container: Json, lines: int, engine: Engine) -> list[str]:
    """The last `lines` lines of its standard output, then those of its log file, below the file's path.

    `container` is what the engine's `inspect` says of it.
    """
    said = engine.log(container["Id"], lines)
    path = log_file(container)
    end = _end(path, lines) if path else []
    return [*said, f"-- {path}", *end] if end else said


def log_file(container: Json) -> Path | None:
    """Where the host has a container's log file, `SERVICE/CONTAINER.log` in the volume of logs; None for one
    that does not see that volume, or has no configuration and so no name of the catalogue's."""
    labels = container["Config"]["Labels"]
    name = Path(labels.get(LABEL_FOLDER, "")).name
    for mount in container["Mounts"]:
        if mount["Destination"] == DIRECTORY and name:
            return Path(mount["Source"], labels[LABEL_SERVICE], f"{name}.log")
    return None


def _end(path: Path, lines: int) -> list[str]:
    """The last lines of a file, none of one that is not there."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - lines * LONGEST_LINE))
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        # No log yet, or a directory in its place: the standard output is all there is.
        return []
