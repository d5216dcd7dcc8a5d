"""Asking hosts, and carrying out plans on them."""

from __future__ import annotations

import getpass
import os
import socket
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from kolla.ansible.conversations import Note
from kolla.ansible.executor import Executor, Login
from kolla.ansible.outcome import BrokenHostsError, Outcome
from kolla.configuration import Configuration
from kolla.errors import InputError, KollaError, Location, LockedError
from kolla.events import Event, Listener
from kolla.places import read_json, write_json
from kolla.settings import passwords
from kolla.state import networks
from kolla.state.derive import desire
from kolla.state.desired import Desired
from kolla.state.facts import HostFacts
from kolla.state.host_state import HostState, Observation
from kolla.state.plan import Plan
from kolla.state.releases import SETTLED, Course, course

LOCK_TIMEOUT = 60
"""Seconds to wait for another deployer before giving up."""

LOCK_PAUSE = 2
"""Seconds between two tries to have the hosts for oneself."""

Change = TypeVar("Change")
"""What came of a change of the hosts."""

Decide = Callable[[str, Mapping[str, HostState]], Course]
"""The release of the images and the hosts' states -> where the cloud is between two releases."""

NOTHING_WANTED: Mapping[str, object] = {
    "folders": {},
    "images": [],
    "volumes": [],
    "data": [],
    "resources": {},
}
"""The question to a host of which not even the facts are known."""


_FACTS = TypeAdapter(dict[str, HostFacts])


@dataclass(frozen=True)
class Hosts:
    """The hosts of a configuration."""

    configuration: Configuration
    progress: Listener
    off: str = field(default="", kw_only=True)
    """A host that is known to be off: nobody asks it."""
    note: Note | None = field(default=None, kw_only=True)
    """What hosts keep of a change that is made."""

    def ask(self, verb: str, requests: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        """Ask each host its request of the host protocol; the answers by host."""
        return self._executor(verb).ask(verb, requests)

    def ask_each(self, verb: str, request: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Ask every host that is to be asked the same."""
        return self.ask(verb, {host: request for host in self.asked()})

    def asked(self) -> tuple[str, ...]:
        """The hosts that `--limit` leaves, without one that is off."""
        return tuple(host for host in self.configuration.hosts() if host != self.off)

    def answers(self, host: str) -> bool:
        """Whether a host can be reached, whatever else is wrong with it."""
        try:
            self.ask("observe", {host: {**NOTHING_WANTED, "modules": []}})
        except BrokenHostsError as error:
            return not error.broken[host].unreachable
        return True

    def patiently(self, verb: str, lock_timeout: int, change: Callable[[], Change]) -> Change:
        """Make a change, plan and all, again and again while another deployer has the hosts, for
        `lock_timeout` seconds; LockedError when it stays longer. `change` itself must not wait."""
        deadline = time.monotonic() + lock_timeout
        while True:
            try:
                return change()
            except LockedError as locked:
                if time.monotonic() >= deadline:
                    raise
                # The other deployer changes the hosts meanwhile, so a plan made now would be for others.
                self.progress(Event(verb, "started", "waiting for the lock", message=str(locked)))
                time.sleep(LOCK_PAUSE)

    def apply(self, plan: Plan, desired: Desired | None, lock_timeout: int, *, phase: str) -> Outcome:
        """Carry out a plan; `desired` has the content of the files it names, None when it names none."""
        self.progress(Event(phase, "started", total=len(plan.operations)))
        outcome = self._executor(phase).apply(
            plan,
            desired.bundle() if desired else {},
            owner=owner(phase),
            lock_timeout=lock_timeout,
            note=self.note,
        )
        self.progress(Event(phase, "failed" if outcome.failures() else "done"))
        return outcome

    def _executor(self, phase: str) -> Executor:
        return Executor(
            self.configuration.sources,
            self.configuration.identity,
            state_directory=self.configuration.places.directory,
            on_event=self.progress,
            phase=phase,
            login=self._login(),
        )

    def _login(self) -> Login | None:
        values, known = self.configuration.globals.value, passwords.load(self.configuration.directory)
        username, password = str(values("docker_registry_username") or ""), known.get(passwords.REGISTRY)
        return Login(username, password) if username and password else None

    def known_facts(self) -> dict[str, HostFacts]:
        """Facts as last seen, of the hosts that were seen; asks nobody. InputError for a given file that does
        not hold any."""
        path, known = self.configuration.facts_file, self.configuration.inventory.hosts
        if path is None:
            cached = read_json(self.configuration.places.facts)
            return {h: HostFacts.model_validate(f) for h, f in cached.items() if h in known}
        try:
            given = _FACTS.validate_json(path.read_bytes())
        except ValueError:
            raise InputError(
                "these are no facts of hosts",
                where=Location(path),
                expected="facts.json of the machine that deploys, from /var/lib/kolla/deployment/<cloud>",
            ) from None
        return {host: facts for host, facts in given.items() if host in known}

    def facts(self) -> dict[str, HostFacts]:
        """Facts of every host: those known from earlier, and the answers of those that are not."""
        facts = self.known_facts()
        unknown = [host for host in self.configuration.inventory.hosts if host not in {*facts, self.off}]
        if unknown:
            facts |= self._remember_facts(self._observe({host: NOTHING_WANTED for host in unknown}))
        return facts

    def _remember_facts(self, observations: Mapping[str, Observation]) -> dict[str, HostFacts]:
        facts = {host: observation.facts for host, observation in observations.items()}
        cached = read_json(self.configuration.places.facts)
        known = cached | {host: f.model_dump(mode="json") for host, f in facts.items()}
        if known != cached:
            write_json(self.configuration.places.facts, known)
        return facts

    def _observe(self, questions: Mapping[str, Mapping[str, object]]) -> dict[str, Observation]:
        modules = self.configuration.catalogue.kernel_modules
        answers = self.ask("observe", {host: {**q, "modules": modules} for host, q in questions.items()})
        return {
            host: Observation.model_validate(
                {"facts": answer["facts"], "state": {"host": host, **answer["state"]}}
            )
            for host, answer in answers.items()
        }

    def observed(
        self, decide: Decide = course, bare: Collection[str] = ()
    ) -> tuple[Desired, dict[str, HostState]]:
        """The desired state and the hosts' states, from one question to each host.

        `decide` says from the states where the cloud is between two releases; it may refuse. `bare`:
        hosts that may be without an engine, and have nothing then.

        The question holds digests of rendered files, and rendering needs facts: those known from
        earlier serve, and only if the answer shows that they were out of date is it asked again.
        """
        report, settings = self.configuration.report, self.configuration.settings
        known = self.facts(), SETTLED
        try:
            desired = desire(settings, report, *known)
        except InputError as error:
            if not networks.lacking(error):
                raise
            # As hosts were seen last; they may have by now what they lacked then.
            unwanted = {host: NOTHING_WANTED for host in self.asked()}
            known = known[0] | self._remember_facts(self._observe(unwanted)), SETTLED
            desired = desire(settings, report, *known)
        while True:
            questions = desired.questions()
            observations = self._observe({host: questions[host] for host in self.asked()})
            states = _states(observations, bare)
            before = known
            known = known[0] | self._remember_facts(observations), decide(report.release, states)
            if known == before:  # the desired state is a function of these
                return desired, states
            desired = desire(settings, report, *known)
            if desired.questions() == questions:
                return desired, states

    def compared_with(self, desired: Desired) -> dict[str, HostState]:
        """The hosts' states, asked with a desired state that is not of the settings: a revision's."""
        questions = desired.questions()
        wanted = {host: questions.get(host, NOTHING_WANTED) for host in self.asked()}
        return _states(self._observe(wanted))


def _states(observations: Mapping[str, Observation], bare: Collection[str] = ()) -> dict[str, HostState]:
    """KollaError for a host without an engine, unless it may be `bare`: what it has is not known."""
    for host, observation in observations.items():
        if observation.state.engine is None and host not in bare:
            raise KollaError(
                f"no container engine answers on host '{host}'", hint="run: kolla bootstrap-servers"
            )
    return {host: observation.state for host, observation in observations.items()}


def owner(command: str) -> dict[str, object]:
    """Who is deploying, for the lease on each host (boot id: proc(5)): the person, not what sudo(8) made of
    them."""
    return {
        "user": os.environ.get("SUDO_USER") or getpass.getuser(),
        "host": socket.gethostname(),
        "boot_id": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        "pid": os.getpid(),
        "command": command,
    }
