"""What verbs that change the cloud do about failures: a canary, planned and taken back, and on how many hosts
they may fail before they stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kolla.errors import InputError, KollaError, Location
from kolla.hosts import LOCK_TIMEOUT
from kolla.results import Deployed
from kolla.revisions.verbs import RevisionVerbs
from kolla.state import canary, explain, max_fail, revision_state, rollback
from kolla.state import revision as choice
from kolla.state.canary_request import CanaryRequest
from kolla.state.desired import Desired
from kolla.state.host_state import HostState
from kolla.state.plan import Plan, Wave
from kolla.state.rolling import rolling


class CanaryVerbs(RevisionVerbs):
    """Canaries, for the verbs that have them."""

    def _with_canary(
        self, plan: Plan, desired: Desired, states: Mapping[str, HostState], asked: CanaryRequest | None
    ) -> Plan:
        """The plan with the canary that was asked for, if one was."""
        if asked is None:
            return plan
        read = self.configuration
        hosts = canary.resolved(asked, read.inventory, read.hosts())
        return canary.with_canary(plan, desired, states, hosts, asked.soak)

    def _bearing(self, plan: Plan, desired: Desired, asked: str | None) -> Plan:
        """The plan, which may fail on as many hosts as was asked for, or as the settings say."""
        text = self.configuration.globals.value("max_fail") if asked is None else asked
        return max_fail.bearing(plan, desired, str(text))

    def _judged(self, done: Deployed, desired: Desired) -> Deployed:
        """What was done towards `desired`; a canary that failed in it is taken back, to the last good
        revision, and that is recorded."""
        wave = canary.failed(done.plan, done.failed)
        if wave is None:
            return done
        try:
            became = self._taken_back(done, desired, wave)
        except KollaError as error:
            became = f"It was not taken back: {error}"
        return replace(done, canary=(_reason(done, wave), became))

    def _taken_back(self, done: Deployed, desired: Desired, wave: Wave) -> str:
        """Take back what the canary changed; what came of it, in a sentence."""
        failed = {failure["operation"] for failure in done.failed}
        standing, target = self._last_good()
        states = self._hosts.compared_with(target)
        # One that failed has its previous container already, which is to become ready and to serve again.
        plan = self._back_for(wave.first, standing.number, target, done.plan, states)
        if not plan:
            return f"Its containers are as revision {standing.number} says."
        changed = {o.id for o in done.plan.operations if o.id not in failed}
        kept = (changed | rollback.others(target, states)) - {*wave.first}
        applied = revision_state.partly(target, desired, kept)
        whole = revision_state.digest(revision_state.document(applied)) == standing.state
        back = self._change("rollback", plan, target, LOCK_TIMEOUT, standing if whole else None, applied)
        if back.failed:
            return f"Taking it back to revision {standing.number} failed: {_first(back.failed)}."
        return f"It was taken back to revision {standing.number}; this is revision {back.revision}."

    def _last_good(self) -> tuple[choice.Revision, Desired]:
        store = self._revisions
        standing = choice.good(store.all())
        return standing, store.desired(standing.number)

    def _back_for(
        self,
        containers: Sequence[str],
        number: int,
        target: Desired,
        done: Plan,
        states: Mapping[str, HostState],
    ) -> Plan:
        """The plan towards a revision of nothing but these containers, and what they need for it."""
        services = {o.service for o in done.operations if o.id in containers}
        folders = [f for f in self.configuration.catalogue.folders.values() if f.name in services]
        rollback.check_hosts(number, target, self.configuration.inventory.hosts)
        rollback.check_release(number, target, states, folders)
        towards = rollback.towards(number, target, states, services=services)
        # What is left untouched is known by container, not by service.
        plan = canary.only(towards, containers).model_copy(update={"services": None})
        return self._hooks.planned("rollback", rolling(plan, target, states))


def check_asked_once(plan_file: Path | None, asked: CanaryRequest | None, max_fail: str | None) -> None:
    """InputError when the plan is in a file, which says what goes first and how many hosts may fail, and one
    of these is asked for."""
    if plan_file is not None and max_fail is not None:
        raise InputError(
            "a plan in a file says itself on how many hosts it may fail",
            where=Location(plan_file),
            hint=f"make it again: kolla plan --max-fail {max_fail} -o {plan_file}",
        )
    if plan_file is not None and asked is not None:
        raise InputError(
            "a plan in a file has its own canary, or none",
            where=Location(plan_file),
            hint=f"make it again: kolla plan --canary {','.join(asked.places)} -o {plan_file}",
        )


def _reason(done: Deployed, wave: Wave) -> str:
    """Which canary failed, and why."""
    own = [failure for failure in done.failed if failure["operation"] in (*wave.first, *wave.judges)]
    return (
        f"The canary failed: {_first(own)}. "
        f"Left as they are because of that: {explain.subjects(wave.waiting)}."
    )


def _first(failures: Sequence[Mapping[str, Any]]) -> str:
    """The first thing that failed, other than by waiting for another."""
    first = next(failure for failure in failures if failure["status"] == "failed")
    return f"{first['operation']}: {first['message']}"
