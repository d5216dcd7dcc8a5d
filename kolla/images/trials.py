"""Programs that check their own configuration, run in the very image, in containers that are thrown away."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from kolla.catalogue.privileges import START_CAPABILITIES
from kolla.images.engine import Engine, Trial

TIMEOUT = 60
"""Seconds a program may take."""

LINES = 5
"""Most lines of what it printed that are told."""

_SCRIPT = Path(__file__).parent / "inside" / "try_config.py"
_COMPLAINT = re.compile(r"\[(ALERT|CRIT|EMERG|ERROR|FATAL)\]|^(Error|ERROR|Fatal|FATAL)\b")


def refusal(engine: Engine, image: str, folder: Mapping[str, str]) -> str | None:
    """What a program says against its configuration; None when it says nothing.

    `folder` is that of a container (name -> text), its config.json with the command that checks. KollaError
    when the engine cannot run the image.
    """
    given = json.dumps(dict(folder)).encode()
    trial = Trial(given, timeout=TIMEOUT, capabilities=START_CAPABILITIES)
    status, printed = engine.run(image, ["python3", "-c", _SCRIPT.read_text()], trial)
    if status == 0:
        return None
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    complaints = list(dict.fromkeys(filter(_COMPLAINT.search, lines)))[:LINES] or lines[-LINES:]
    if status is None:
        complaints = [f"it did not end within {TIMEOUT} s", *complaints]
    return "\n".join(complaints) or f"it ended with status {status}"
