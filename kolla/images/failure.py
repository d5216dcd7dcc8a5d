"""Why a build failed, read from its log."""

from __future__ import annotations

import re
from pathlib import Path

from kolla.errors import KollaError

TAIL = 15
"""Lines of a failed image's log that are shown."""


def explain(name: str, error: KollaError, log: Path) -> tuple[str, tuple[str, ...]]:
    """Why an image could not be built, in one message, and the last lines of its log, if it has one."""
    if not log.exists():
        return str(error), ()
    text = log.read_text(errors="replace")
    vanished = ", ".join(dict.fromkeys(re.findall(r"kolla: vanished: (\S+)", text)))
    if vanished:
        cause = f"the package mirror no longer has {vanished}; run: kolla build --refresh {name}"
    else:
        cause = str(error)
    return f"{cause}; log: {log}", tail(text)


def tail(text: str) -> tuple[str, ...]:
    """The last lines that programs printed in a build log (`#7 1.234 line`), or else its last lines."""
    printed = re.findall(r"^#\d+ \d+\.\d+ (.*)$", text, re.MULTILINE)
    return tuple((printed or text.splitlines())[-TAIL:])
