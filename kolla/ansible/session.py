"""A command in a container of a host, with this terminal attached."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def run(host_vars: Mapping[str, Any], host: str, engine: str, container: str, command: Sequence[str]) -> int:
    """Run `command` in `container` on `host`; gives back its exit status."""
    words = arguments(host_vars, host, engine, container, command, sys.stdin.isatty())
    return subprocess.run(words).returncode


def arguments(
    host_vars: Mapping[str, Any],
    host: str,
    engine: str,
    container: str,
    command: Sequence[str],
    terminal: bool,
) -> list[str]:
    """The program to run: the engine's client here, or ssh(1) with it at its end.

    `host_vars` are Ansible's connection variables (ansible_connection, ansible_host, ansible_user, ...).
    """
    inside = _AS_ROOT + shlex.join([engine, "exec", "-it" if terminal else "-i", container, *command])
    if host_vars.get("ansible_connection") == "local":
        return ["sh", "-c", inside]
    options = shlex.split(str(host_vars.get("ansible_ssh_common_args", "")))
    for variable, option in _OPTIONS.items():
        if variable in host_vars:
            options += [option, str(host_vars[variable])]
    return ["ssh", *(["-t"] if terminal else []), *options, str(host_vars.get("ansible_host", host)), inside]


_AS_ROOT = '$([ "$(id -u)" = 0 ] || echo sudo) '
"""Start of a shell command: hosts are always worked on as root, and only the host knows who one is there."""

_OPTIONS = {
    "ansible_user": "-l",
    "ansible_port": "-p",
    "ansible_ssh_private_key_file": "-i",
}
"""Ansible's variables and what ssh(1) calls the same."""
