"""Reading the inventory, the way Ansible understands it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kolla.ansible import environment
from kolla.errors import InputError, Location


def read(sources: Sequence[str]) -> dict[str, Any]:
    """What `ansible-inventory --list` says about `sources`: files, directories, scripts, plugins.
    Vaults are opened as the operator's environment says (ANSIBLE_VAULT_PASSWORD_FILE).

    InputError with Ansible's own message when a source cannot be read or a vault cannot be opened.
    """
    for source in sources:
        if "," not in source and not Path(source).exists():
            raise InputError("there is no such inventory", where=Location(Path(source)))
    result = subprocess.run(
        [*environment.command("ansible-inventory", sources), "--list"],
        env=environment.variables(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        said = environment.condensed(result.stderr)
        raise InputError(
            f"the inventory cannot be read: {said}",
            expected="sources that `ansible-inventory --list` accepts",
            hint="set ANSIBLE_VAULT_PASSWORD_FILE to a file with the password" if "vault" in said else None,
        )
    inventory: dict[str, Any] = json.loads(result.stdout)
    return inventory
