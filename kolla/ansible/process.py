"""Processes of this machine: `ansible-playbook`, a child that never outlives us and never hears our
Ctrl-C, and other deployers."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with(parent: int, told_by: signal.Signals = signal.SIGTERM) -> None:
    """Have the kernel send this process the signal `told_by` when its parent ends, however that ends
    (prctl(2)); when it has ended already, so does this process."""
    _libc.prctl(_PR_SET_PDEATHSIG, told_by)
    if os.getppid() != parent:
        os._exit(1)


def group_dies_with(parent: int) -> None:
    """Have this process and its whole process group get SIGTERM when its parent ends, however that ends.

    The kernel tells it by SIGHUP: a parent may end its children by SIGTERM before it ends, and a second
    SIGTERM would end this process while it handles the first one, before others have heard of it.
    """
    signal.signal(signal.SIGHUP, lambda number, frame: os.killpg(os.getpgrp(), signal.SIGTERM))
    die_with(parent, signal.SIGHUP)


class Playbook:
    """One run of `ansible-playbook`.

    It leads a session of its own, so that Ctrl-C on the terminal reaches only us; when we die, by SIGKILL
    too, it gets SIGTERM. Ansible ends its workers then, but not one that it is just starting: workers die
    with it by themselves (`plugins/action/kolla_host.py`).
    """

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str], output: Path) -> None:
        """Start it; what it prints goes to the file `output`."""
        parent = os.getpid()
        with output.open("wb") as file:
            self._process = subprocess.Popen(
                arguments,
                env=dict(environ),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: die_with(parent),
            )

    def wait(self) -> int:
        """Wait for the end; the exit status."""
        return self._process.wait()

    def end(self) -> None:
        """Make it end now, its workers included. What runs on the hosts goes on there."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def has_ended(owner: Mapping[str, Any]) -> bool:
    """Whether the owner of a lease was a process of this machine and is gone.

    False for one of another machine, of which nothing is known. The name of the host counts as well,
    because containers share the kernel's boot id, but not its processes.
    """
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    here = owner.get("boot_id") == boot_id and owner.get("host") == socket.gethostname()
    return here and not Path(f"/proc/{owner['pid']}").exists()
