"""Reading the inventory, the way Ansible understands it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from kolla.ansible import environment
from kolla.errors import InputError


def read(
    sources: Sequence[str], *, vault_password_files: Sequence[str] = (), limit: str | None = None
) -> dict[str, Any]:
    """What `ansible-inventory --list` says about `sources`: files, directories, scripts, plugins.

    `limit` is a host pattern; hosts that do not match it are left out. InputError with Ansible's own
    message when a source cannot be read or a vault cannot be opened.
    """
    arguments = environment.command("ansible-inventory", sources, vault_password_files)
    if limit is not None:
        arguments += ["--limit", limit]
    result = subprocess.run(
        [*arguments, "--list"],
        env=environment.variables(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise InputError(
            f"the inventory cannot be read: {environment.condensed(result.stderr)}",
            expected="sources that `ansible-inventory --list` accepts",
        )
    inventory: dict[str, Any] = json.loads(result.stdout)
    return inventory
