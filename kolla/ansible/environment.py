"""How Ansible's programs are run: with our `ansible.cfg` alone, wherever the operator stands."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_ERROR = re.compile(r"^(\[ERROR\]:|ERROR[!:])\s*", re.MULTILINE)
_UNPARSED = re.compile(r"^\[WARNING\]: Failed to parse inventory with '(\w+)' plugin: (.*)", re.MULTILINE)

CONFIGURATION = Path(__file__).parent / "ansible.cfg"

KEPT = frozenset(
    {
        "ANSIBLE_HOST_KEY_CHECKING",
        "ANSIBLE_PRIVATE_KEY_FILE",
        "ANSIBLE_REMOTE_USER",
        "ANSIBLE_SSH_ARGS",
        "ANSIBLE_SSH_COMMON_ARGS",
        "ANSIBLE_SSH_EXTRA_ARGS",
        "ANSIBLE_VAULT_IDENTITY_LIST",
        "ANSIBLE_VAULT_PASSWORD_FILE",
    }
)
"""Variables of the operator that Ansible still sees: how to reach hosts, how to open vaults."""

FILES = frozenset({"ANSIBLE_PRIVATE_KEY_FILE", "ANSIBLE_VAULT_PASSWORD_FILE"})
"""Those of KEPT that name a file."""


def variables(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`environ` without the operator's Ansible settings (except KEPT) and with ours."""
    inherited = {
        name: value for name, value in environ.items() if name in KEPT or not name.startswith("ANSIBLE_")
    }
    # The playbook does not run where the operator stands.
    files = {name: os.path.abspath(os.path.expanduser(inherited[name])) for name in FILES & inherited.keys()}
    # Ansible refuses to start in a locale that is not UTF-8.
    return inherited | files | {"ANSIBLE_CONFIG": str(CONFIGURATION), "LC_ALL": "C.UTF-8"}


def command(program: str, sources: Sequence[str]) -> list[str]:
    """The start of a command line: `program` of our own Python environment, and the inventory."""
    arguments = [str(Path(sys.executable).parent / program)]
    for source in sources:
        arguments += ["--inventory", source]
    return arguments


def condensed(output: str, lines: int = 12) -> str:
    """What an operator needs of `output` of an Ansible program that failed: the error, and when it is
    about an inventory source, what each parser had against it (Ansible says that in warnings)."""
    kept = [line for line in output.splitlines() if line.strip()]
    first = next((n for n, line in enumerate(kept) if _ERROR.match(line)), 0)
    said = [line for line in kept[first:] if not line.startswith("[WARNING]")][:lines]
    said += [f"  as {plugin}: {reason}" for plugin, reason in _UNPARSED.findall(output)]
    return _ERROR.sub("", "\n".join(said)).strip() or "no message"
