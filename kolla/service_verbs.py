"""The verbs that services have of their own, as a part of the Python API (`kolla.api.Cloud`)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kolla import skeleton
from kolla.ansible.outcome import Outcome, Result
from kolla.catalogue.loader import load as load_catalogue
from kolla.catalogue.model import ServiceFolder, Verb
from kolla.configuration import Configuration
from kolla.errors import InputError, did_you_mean
from kolla.events import Listener
from kolla.hooks import Hooks
from kolla.hosts import LOCK_TIMEOUT, Hosts
from kolla.results import Ran, Written
from kolla.secret import Secret
from kolla.settings import passwords
from kolla.settings.keys import enable_key
from kolla.state.choice import Copy, chosen, read
from kolla.state.demand import demanded, told
from kolla.state.desired import Desired, DesiredJob
from kolla.state.host_state import HostState
from kolla.state.job_names import verb_check, verb_choice, verb_job
from kolla.state.plan import Plan
from kolla.state.replacement import Asked, replaced, weighed
from kolla.state.rotation import carriers, check_complete, rotated


@dataclass(frozen=True)
class _Run:
    """A verb that is run, with what is said to it, on the hosts as they are."""

    name: str
    argument: str
    folder: ServiceFolder
    verb: Verb
    desired: Desired
    states: Mapping[str, HostState]

    def named(self, job_name: str) -> list[DesiredJob]:
        """A job of the verb on each host that is to do it."""
        verb, argument = self.verb, self.argument
        found = [job for job in self.desired.verbs if job.name == job_name]
        if verb.one_host:
            found = _on_host(found, argument)
        if verb.anywhere:
            found = [job for job in found if job.host in self.states][:1] or found
        return [told(job, argument) for job in found] if argument or verb.argument is not None else found

    @property
    def checks(self) -> list[DesiredJob]:
        """What must pass before anything else is done."""
        return self.named(verb_check(self.folder.name, self.name))

    @property
    def jobs(self) -> list[DesiredJob]:
        """What the verb is there for."""
        return self.named(verb_job(self.folder.name, self.name))

    @property
    def jobs_asked(self) -> list[DesiredJob]:
        """Those of them on the hosts that are asked."""
        return [job for job in self.jobs if job.host in self.states]


class ServiceVerbs:
    """What services let people do besides (`verbs:` in service.yml)."""

    configuration: Configuration
    progress: Listener
    _hosts: Hosts
    _hooks: Hooks

    def new_service(self, name: str, directory: Path) -> Written:
        """Write the folder of a new service that works as it is below `directory`.

        InputError when the name is taken, or the folder is there.
        """
        services = load_catalogue(self.configuration.service_paths)
        written = skeleton.write(name, directory, services)
        given = f"--service-path {directory / name}"
        return Written(
            written,
            (f"try it: kolla build {given} '^{name}$'; kolla deploy {given}", "see docs/adding-a-service.md"),
        )

    def run_verb(self, name: str, argument: str = "") -> Ran:
        """Run a verb that a service has of its own, with what is said to it.

        One that replaces data stops who uses it, and starts them again: whoever calls this means it. One
        that rotates passwords writes passwords.yml first; whatever happens then, a deploy brings them to all
        hosts.
        InputError when there is no such verb, its service is not enabled, nothing may or something must be
        said to it, `--limit` leaves out its hosts, or the host that should be off for it answers. LockedError
        when another deployer stays for a minute; what was planned before it is planned again.
        """
        folder, verb = self._verb(name)
        _check_argument(name, verb, argument)
        with self._hooks.giving_up():
            if verb.rotates:
                self._rotate(name, verb)
            hosts = self._others(argument) if verb.host_off else self._hosts
            return hosts.patiently(
                name, LOCK_TIMEOUT, lambda: self._run_verb(hosts, name, argument, folder, verb)
            )

    def _run_verb(self, hosts: Hosts, name: str, argument: str, folder: ServiceFolder, verb: Verb) -> Ran:
        desired, states = hosts.observed()
        run = _Run(name, argument, folder, verb, desired, states)
        asked = self._asked(name, folder, verb)
        if not run.jobs_asked:
            where = ", ".join(job.host for job in run.jobs)
            raise InputError(f"--limit leaves out where '{name}' runs", expected=where or None)
        if verb.chooses is not None:
            return self._run_choosing(hosts, run, asked)
        if verb.replaces:
            plan = replaced(desired, run.jobs, states, asked, run.checks)
        elif verb.rotates:
            plan = rotated(desired, run.jobs, states, self._passwords(verb))
        else:
            plan = demanded(desired, run.jobs, states)
        plan = self._hooks.planned(name, plan)
        with self._hooks.before(name, plan, self.progress):
            outcome = hosts.apply(plan, desired, 0, phase=name)
        return self._ended(name, plan, run.jobs_asked, outcome)

    def _run_choosing(self, hosts: Hosts, run: _Run, asked: Asked) -> Ran:
        """Ask what there is, and go on with the host that was chosen: two plans, and one run to the hooks,
        those of every service that the verb can be about."""
        name, probes = run.name, run.named(verb_choice(run.folder.name, run.name))
        asking = weighed(run.desired, probes, run.states, asked, run.checks)
        asking = self._hooks.planned(name, asking, also=asked.affected)
        with self._hooks.before(name, asking, self.progress):
            outcome = hosts.apply(asking, run.desired, 0, phase=name)
            if outcome.failures() and not _only(outcome, probes):
                return self._ended(name, asking, probes, outcome)
            argument = chosen({job.host: _copy(outcome.operations.get(job.id)) for job in probes}, name)
            desired, states = hosts.observed()
            run = replace(run, argument=argument, desired=desired, states=states)
            plan = replaced(desired, run.jobs, states, asked)
            plan = plan.model_copy(update={"hooks": asking.hooks})
            outcome = hosts.apply(plan, desired, 0, phase=name)
        return self._ended(name, plan, run.jobs_asked, outcome)

    def _ended(self, name: str, plan: Plan, jobs: Collection[DesiredJob], outcome: Outcome) -> Ran:
        end = self._hooks.failed if outcome.failures() else self._hooks.after
        end(name, plan, self.progress)
        return ran(jobs, outcome)

    def _asked(self, name: str, folder: ServiceFolder, verb: Verb) -> Asked:
        services = [other.service for other in self.configuration.settings.services]
        return Asked(name, verb, folder.service, services)

    def _others(self, host: str) -> Hosts:
        """The other hosts; InputError when the host answers, or there are none."""
        known = self.configuration.inventory.hosts
        if host not in known:
            raise InputError(f"there is no host '{host}'", hint=did_you_mean(host, known))
        others = replace(self._hosts, off=host)
        if not others.asked():
            raise InputError(f"there is no host but '{host}', and this is done on another")
        if self._hosts.answers(host):
            raise InputError(f"host '{host}' answers: it is not off", hint="switch off its power first")
        return others

    def _rotate(self, name: str, verb: Verb) -> None:
        """Let the passwords of a verb move on, once every host has those there are."""
        desired, states = self._hosts.observed()
        check_complete(name, carriers(desired, self._passwords(verb)), states)
        configuration = self.configuration
        passwords.rotate(configuration.directory / passwords.FILE, configuration.catalogue, verb.rotates)
        self.configuration = replace(configuration)  # which has read nothing yet
        self._hosts = Hosts(self.configuration, self.progress)

    def _passwords(self, verb: Verb) -> list[Secret]:
        return [self.configuration.settings.passwords[name] for name in verb.rotates]

    def verbs(self) -> tuple[str, ...]:
        """The verbs that enabled services have of their own."""
        return tuple(name for folder in self.configuration.settings.services for name in folder.service.verbs)

    def _verb(self, name: str) -> tuple[ServiceFolder, Verb]:
        known = self.configuration.catalogue.verbs
        if name not in known:
            raise InputError(f"there is no verb '{name}'", hint=did_you_mean(name, known))
        service = known[name][0].name
        if service not in [folder.name for folder in self.configuration.settings.services]:
            raise InputError(
                f"'{name}' is a verb of service '{service}', which is not enabled",
                hint=f"set {enable_key(service)}: true and run: kolla deploy",
            )
        return known[name]


def _only(outcome: Outcome, jobs: list[DesiredJob]) -> bool:
    """Whether nothing else than these jobs failed."""
    return {failure["operation"] for failure in outcome.failures()} <= {job.id for job in jobs}


def _copy(result: Result | None) -> Copy | None:
    """What a host says of what lies there; None where it does not."""
    said = result.message if result is not None and result.status == "done" else ""
    return read(json.loads(said)) if said.startswith("{") else None


def _on_host(jobs: list[DesiredJob], host: str) -> list[DesiredJob]:
    """The jobs of the host that was named; InputError for one that has none."""
    chosen = [job for job in jobs if job.host == host]
    if jobs and not chosen:
        known = [job.host for job in jobs]
        raise InputError(
            f"there is nothing of it on host '{host}'",
            expected=", ".join(known),
            hint=did_you_mean(host, known),
        )
    return chosen


def _check_argument(name: str, verb: Verb, argument: str) -> None:
    if argument and verb.argument is None:
        raise InputError(f"nothing can be said to '{name}'", hint=f"leave '{argument}' out")
    if verb.argument is not None and verb.argument.required and not argument:
        raise InputError(f"'{name}' needs to know: {verb.argument.description}")


def _result(host: str, result: Result) -> dict[str, Any]:
    """What a job came to, and what it said of itself: its last line is JSON, if it is anything."""
    done = result.status == "done"
    said = json.loads(result.message) if done and result.message else {}
    message = str(said.get("message", "")) if done else result.message or f"it was {result.status}"
    return {"host": host, "ok": done, "message": message, "result": said, "log": list(result.log)}


def ran(jobs: Collection[DesiredJob], outcome: Outcome) -> Ran:
    """What the jobs came to, after whatever else did not succeed: that is why they were not begun."""
    own = {job.id for job in jobs}
    others = [f for f in outcome.failures() if f["status"] != "blocked" and f["operation"] not in own]
    results = [_failed(failure) for failure in others]
    results += [_result(job.host, outcome.operations[job.id]) for job in jobs]
    stopped = any(id_.startswith("stop:") and r.status == "done" for id_, r in outcome.operations.items())
    hint = "What was stopped stays so; to start it again, run: kolla deploy"
    return Ran(tuple(results), hint if stopped and outcome.failures() else "")


def _failed(failure: Mapping[str, Any]) -> dict[str, Any]:
    """What else of the plan did not succeed, told as the verb's own results are."""
    message = f"{failure['operation']} {failure['status']}: {failure['message']}"
    log = list(failure.get("log", ()))
    return {"host": failure["host"], "ok": False, "message": message, "result": {}, "log": log}
