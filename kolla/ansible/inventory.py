"""Reading the inventory, the way Ansible understands it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kolla.ansible import environment
from kolla.errors import InputError, Location


def read(sources: Sequence[str], *, vault_password_files: Sequence[str] = ()) -> dict[str, Any]:
    """What `ansible-inventory --list` says about `sources`: files, directories, scripts, plugins.

    InputError with Ansible's own message when a source cannot be read or a vault cannot be opened.
    """
    for source in sources:
        if "," not in source and not Path(source).exists():
            raise InputError("there is no such inventory", where=Location(Path(source)))
    result = subprocess.run(
        [*environment.command("ansible-inventory", sources, vault_password_files), "--list"],
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
