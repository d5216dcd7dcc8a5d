"""The connection `simulated`: to a host that is not there, whose answer lies ready in a file.

Loaded by Ansible from below its home directory, so it imports nothing of ours.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
    name: simulated
    short_description: hosts that are not there
    description: Answers requests from files, and notes that they came.
    options:
      host:
        description: Name of the host in the inventory.
        vars:
          - name: inventory_hostname
"""

_VERB = re.compile(r"/host-[0-9a-f]{16} (\w+)")


class Connection(ConnectionBase):
    """Answers whatever is asked with what a file holds."""

    transport = "simulated"
    has_pipelining = True

    def _connect(self) -> Connection:
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> Any:
        """Exit status, output and errors of a command."""
        host, directory = str(self.get_option("host")), Path(os.environ["KOLLA_SIMULATED"])
        verb = _VERB.search(cmd)
        assert verb is not None, cmd
        with (directory / "requests").open("a") as requests:
            requests.write(f"{host} {verb[1]}\n")
        return 0, (directory / f"{host}.json").read_bytes(), b""

    def put_file(self, in_path: str, out_path: str) -> None:
        """Nothing is put anywhere."""

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Nothing is got from anywhere."""

    def close(self) -> None:
        """There is nothing to close."""
