"""Reading the inventory, the way Ansible understands it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kolla.ansible import environment
from kolla.errors import InputError, Location

THIS_MACHINE = Path(__file__).parents[1] / "settings" / "all-in-one"
"""The inventory that is used when none is given."""

_begun: dict[tuple[str, ...], subprocess.Popen[str]] = {}
"""What is being read: sources -> the program that reads them."""


def sources(given: Sequence[str], directory: Path) -> tuple[str, ...]:
    """What Ansible is given with `-i`: as told, else what is in the configuration directory, else this
    machine."""
    if given:
        return tuple(given)
    own = directory / "inventory"
    return (str(own if own.exists() else THIS_MACHINE),)


def begin(sources: Sequence[str]) -> None:
    """Begin to read what `read` will be asked for: Ansible takes a third of a second, in which others can be
    at work. What is wrong with the sources, `read` will say."""
    if all(map(_is_there, sources)):
        _begun[tuple(sources)] = _program(sources)


def read(sources: Sequence[str]) -> dict[str, Any]:
    """What `ansible-inventory --list` says about `sources`: files, directories, scripts, plugins.
    Vaults are opened as the operator's environment says (ANSIBLE_VAULT_PASSWORD_FILE).

    InputError with Ansible's own message when a source cannot be read or a vault cannot be opened.
    """
    for source in sources:
        if not _is_there(source):
            raise InputError("there is no such inventory", where=Location(Path(source)))
    program = _begun.pop(tuple(sources), None) or _program(sources)
    output, errors = program.communicate()
    if program.returncode != 0:
        said = environment.condensed(errors)
        raise InputError(
            f"the inventory cannot be read: {said}",
            expected="sources that `ansible-inventory --list` accepts",
            hint="set ANSIBLE_VAULT_PASSWORD_FILE to a file with the password" if "vault" in said else None,
        )
    inventory: dict[str, Any] = json.loads(output)
    return inventory


def _is_there(source: str) -> bool:
    return "," in source or Path(source).exists()


def _program(sources: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*environment.command("ansible-inventory", sources), "--list"],
        env=environment.variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
