"""Running the distribution's own programs."""

from __future__ import annotations

import os
import subprocess

from .errors import Refusal

LOG_LINES = 20


def run(*argv: str) -> str:
    """Standard output of a program; a Refusal with its last lines when it fails."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(argv, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise Refusal("failed", f"this host has no program '{argv[0]}'") from None
    if done.returncode:
        log = (done.stdout + done.stderr).splitlines()[-LOG_LINES:]
        raise Refusal("failed", f"'{' '.join(argv)}' ended with exit status {done.returncode}", log=log)
    return done.stdout
