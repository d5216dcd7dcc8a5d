"""Keeping secrets out of what a plan says."""

from __future__ import annotations

import re
from collections.abc import Collection

from kolla.config.diff import Change
from kolla.secret import MASK

_TELLING = re.compile(
    r"password|passwd|secret|cookie|private|credential|transport_url|(^|_)(connection|key|pass|auth)$", re.I
)


def is_telling(key: str) -> bool:
    """Whether a key's name (`[section] option`, `a.b`) tells that its value is a secret."""
    return bool(_TELLING.search(key.rpartition("] ")[2]))


def mask(text: str, change: Change, secrets: Collection[str], *, telling: bool = False) -> str:
    """`text` (which shows `change`) without values that are, hold or may have held a secret.

    An old value may hold a password that is no longer in passwords.yml, so both sides are masked when
    either holds a known secret, or a line of one, or the key's name tells that it carries one, or its file
    does (`telling`).
    """
    values = [value for value in (change.old, change.new) if value]
    known = [part for secret in secrets for part in (secret, *secret.splitlines()) if len(part) > 3]
    if telling or is_telling(change.key) or any(secret in value for secret in known for value in values):
        for value in sorted(values, key=len, reverse=True):
            text = text.replace(value, MASK)
    for secret in known:
        text = text.replace(secret, MASK)
    return text
