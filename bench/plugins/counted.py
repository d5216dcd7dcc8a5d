"""The callback `counted`: how many tasks hosts did, for whoever measures Ansible.

Loaded by Ansible from below its home directory, so it imports nothing of ours.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: counted
    type: aggregate
    short_description: counts tasks
    description: Writes how each task ended on each host, a line for each, to the file KOLLA_COUNTED names.
"""


class CallbackModule(CallbackBase):
    """Notes how each task of each host ended; the turns of a loop are one task."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "counted"

    def v2_runner_on_ok(self, result: Any) -> None:
        """A task went well."""
        self._note("ok")

    def v2_runner_on_skipped(self, result: Any) -> None:
        """A task had nothing to do here; it was looked at all the same."""
        self._note("skipped")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A task failed."""
        self._note("failed")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A host could not be asked."""
        self._note("unreachable")

    def _note(self, how: str) -> None:
        with Path(os.environ["KOLLA_COUNTED"]).open("a") as file:
            file.write(f"{how}\n")
