"""Logging in to a server over SSH, as its user would."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

METADATA = "http://169.254.169.254/openstack/latest/meta_data.json"
QUESTION = f"hostname; curl -s -f {METADATA} || wget -q -O - {METADATA}"
"""Asked inside the server: the name it has, and the one the metadata service gives it."""

CONNECT_TIMEOUT = 10
ANSWER_TIMEOUT = 60
"""Seconds the server may take to answer the question: an emulated one is slow in making keys."""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


class NotYet(Exception):
    """The server cannot be logged in to; it may be starting. Says what ssh said."""


@dataclass(frozen=True)
class Names:
    """What a server is called."""

    own: str
    """By itself."""
    told: str
    """By the metadata service, asked inside the server."""


def command(key: str, user: str, address: str) -> list[str]:
    """The ssh command that logs in without asking anything.

    Floating IPs go from server to server, so their host keys are neither known nor remembered.
    """
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": str(CONNECT_TIMEOUT),
        "IdentitiesOnly": "yes",
        "LogLevel": "ERROR",
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return ["ssh", "-i", key, *words, f"{user}@{address}"]


def names(key: str, user: str, address: str, run: Run = subprocess.run) -> Names:
    """Log in and ask for the server's names. NotYet when that does not work (yet)."""
    arguments = [*command(key, user, address), QUESTION]
    try:
        done = run(
            arguments, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=ANSWER_TIMEOUT
        )
    except subprocess.TimeoutExpired:
        raise NotYet(f"no answer within {ANSWER_TIMEOUT} s") from None
    own, _, document = done.stdout.partition("\n")
    if not own:
        raise NotYet(done.stderr.strip() or f"ssh ended with status {done.returncode}")
    try:
        told = json.loads(document)["name"]
    except (ValueError, KeyError, TypeError):
        raise NotYet(f"{own}: the metadata service does not answer inside the server") from None
    return Names(own.strip(), str(told))
