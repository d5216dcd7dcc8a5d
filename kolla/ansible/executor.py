"""Asking hosts, and carrying out plans on them, with `ansible-playbook` as the transport."""

from __future__ import annotations

import base64
import os
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kolla
from kolla.ansible import environment, plays
from kolla.ansible.archive import Archive
from kolla.ansible.channel import VARIABLE, Channel
from kolla.ansible.conversations import Answer, Applying, Asking, Circumstances, Conversations, Note
from kolla.ansible.outcome import BrokenHost, Outcome
from kolla.ansible.process import Playbook, has_ended
from kolla.errors import KollaError
from kolla.events import Listener, ignore
from kolla.secret import Secret
from kolla.state.plan import Plan

HOST_CODE = Path(kolla.__file__).parent / "host"
HOST_DIRECTORY = "/var/lib/kolla/bin"
"""Where the code for hosts lies on them."""


@dataclass(frozen=True)
class CloudIdentity:
    """Which cloud the hosts are asked about; part of every request."""

    name: str
    id: str
    engine: str = "docker"


@dataclass(frozen=True)
class Login:
    """What hosts say to the registry they pull images from."""

    username: str
    password: Secret


class Executor:
    """Talks to the hosts of an inventory.

    One call is one run of `ansible-playbook`. Requests, answers and events go over a socket between
    us and our plugins inside it, never through Ansible's variables, results or logs.
    """

    def __init__(
        self,
        inventory_sources: Sequence[str],
        cloud: CloudIdentity,
        *,
        on_event: Listener = ignore,
        phase: str = "deploy",
        state_directory: Path | None = None,
        archive: Archive | None = None,
        host_directory: str = HOST_DIRECTORY,
        login: Login | None = None,
    ) -> None:
        """`on_event` is called as events arrive, from another thread, one at a time; they belong to `phase`.
        What Ansible itself prints in a run, normally nothing, is kept as `ansible.log` in
        `state_directory`.
        """
        self._sources = [os.path.abspath(s) if os.path.exists(s) else s for s in inventory_sources]
        self._cloud = cloud
        self._on_event = on_event
        self._phase = phase
        self._state_directory = state_directory
        self.archive = archive or Archive.of(HOST_CODE)
        """The code that runs on hosts."""
        self._host_directory = host_directory
        self._login = login

    def ask(self, verb: str, requests: Mapping[str, Mapping[str, Any]]) -> dict[str, Answer]:
        """Ask each host its request; the answers by host.

        A request is what the host protocol names for the verb; the cloud is added. Every host is asked,
        then: BrokenHostsError when one gave no answer, LockedError or KollaError when one refused.
        Ctrl-C ends it at once.
        """
        asking = Asking(verb, requests, **self._circumstances())
        self._run(asking)
        asking.check()
        return asking.answers

    def apply(
        self,
        plan: Plan,
        bundle: Mapping[str, bytes],
        owner: Mapping[str, Any],
        lock_timeout: int,
        note: Note | None = None,
    ) -> Outcome:
        """Do what `plan` says, nothing else.

        Hosts work through a step at the same time; a step begins when the one before has ended on all
        hosts, and none begins after failures on more hosts than the plan's `max_fail`; what waits for
        something that failed is not begun either, unless it `bears` that. Where the plan says
        `stop_at_failure`, a host begins nothing more after a failure of its own, and after too many one that
        has not begun the step does not. Every host of the plan is locked in the first step (a host without
        operations in it gets an empty request), so that a plan is not half done when another deployer holds
        a host; leases are given back at the end, also after a failure. Each host gets only the files of
        `bundle` (SHA-256 -> content) that its operations write.
        `lock_timeout`: seconds to wait for another deployer. `note`: what each host keeps of the change, from
        its beginning, and at the end of its lease.

        Failed operations are in the outcome. LockedError, BrokenHostsError or KollaError when a host was
        held by another deployer, broke or refused.

        Ctrl-C: what runs on hosts is left to finish its step, no further step begins, leases are given
        back, then KeyboardInterrupt goes on. A second Ctrl-C does not wait: the hosts finish their step
        alone, under their lock. The same happens when we are killed; the next deploy waits for them.
        """
        applying = Applying(plan, bundle, owner, lock_timeout, note, **self._circumstances())
        self._run(applying)
        applying.check()
        return applying.outcome

    def _circumstances(self) -> Circumstances:
        return {"on_event": self._on_event, "phase": self._phase, "has_ended": has_ended}

    def _run(self, conversations: Conversations) -> None:
        if not any(conversations.hosts_of_steps):
            return
        lock = threading.Lock()

        def handle(message: dict[str, Any]) -> Any:
            with lock:
                return self._handle(message, conversations)

        def interrupt() -> bool:
            with lock:
                return conversations.interrupt()

        with tempfile.TemporaryDirectory(prefix="kolla-") as name:
            directory = Path(name)
            text = directory / "playbook.yml"
            text.write_text(plays.playbook(conversations.hosts_of_steps))
            output = (self._state_directory or directory) / "ansible.log"
            with Channel(directory / "channel", handle) as channel:
                environ = environment.variables() | {
                    VARIABLE: str(directory / "channel"),
                    "ANSIBLE_LOCAL_TEMP": str(directory / "ansible"),
                }
                status = _wait(Playbook(self._command(text), environ, output), interrupt)
            channel.check()
            if status != 0:
                said = environment.condensed(output.read_text(errors="replace"))
                raise KollaError(f"Ansible failed: {said}")

    def _command(self, text: Path) -> list[str]:
        return [*environment.command("ansible-playbook", self._sources), str(text)]

    def _handle(self, message: dict[str, Any], conversations: Conversations) -> Any:
        kind = message.pop("kind")
        if kind == "archive":
            return base64.b64encode(self.archive.zip).decode()
        if kind == "broken":
            return conversations.broke(BrokenHost(**message))
        demand = conversations.next(**message)
        if demand is None:
            return None
        verb, request = demand
        if verb == "apply" and self._login is not None:
            login = {"username": self._login.username, "password": self._login.password.reveal()}
            request = {**request, "login": login}
        cloud = {"name": self._cloud.name, "id": self._cloud.id}
        return {
            "program": f"{self._host_directory}/{self.archive.name}",
            "verb": verb,
            "request": {"cloud": cloud, "engine": self._cloud.engine, **request},
        }


def _wait(playbook: Playbook, interrupt: Callable[[], bool]) -> int:
    """Wait for the end; the first Ctrl-C is a request to come to one, the second ends it."""
    try:
        try:
            return playbook.wait()
        except KeyboardInterrupt:
            if not interrupt():
                raise
            return playbook.wait()
    except BaseException:
        playbook.end()
        raise
