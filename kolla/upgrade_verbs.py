"""The verbs that go from one OpenStack release to the next, as a part of `Cloud`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kolla.canary_verbs import CanaryVerbs, check_asked_once
from kolla.errors import InputError, KollaError, Location
from kolla.hosts import LOCK_TIMEOUT
from kolla.results import Deployed, Planned, check_warnings
from kolla.state.canary_request import CanaryRequest
from kolla.state.changes import ReleaseChange
from kolla.state.desired import Desired
from kolla.state.file_diff import file_diffs
from kolla.state.host_state import HostState
from kolla.state.plan import Plan, Purpose, check_usable
from kolla.state.reconcile import fingerprint, reconcile
from kolla.state.releases import (
    FINISH,
    ROLLBACK,
    UPGRADE,
    finish_course,
    reminder,
    unfinished,
    upgrade_course,
)
from kolla.state.revision import good
from kolla.state.rollback import no_way_back, one_way
from kolla.state.rolling import rolling
from kolla.state.upgrade import finish_plan, upgrade_plan
from kolla.validation import ValidationVerbs


@dataclass(frozen=True)
class Upgraded(Deployed):
    """An upgrade, or its end, that was carried out."""

    unfinished: ReleaseChange | None = None
    """The upgrade that is not finished now."""
    reminder: str = ""
    """How to go on with it, and how to go back."""
    back: Deployed | None = None
    """The rollback that followed a failure, where that was asked for."""
    not_gone_back: str = ""
    """Why none followed although it was asked for."""

    @property
    def advice(self) -> str:
        """What became of it after a failure; how to go on, and how to go back."""
        if self.back is not None:
            verdict = "The way back failed, too" if self.back.failed else "Gone back"
            return f"{verdict}, to revision {self.back.towards}:\n{self.back.text()}"
        finishing = self.plan.purpose == "finish"
        verb = FINISH if finishing else UPGRADE
        back = f", or go back: {ROLLBACK}" if self.unfinished and not finishing else ""
        left = "What was already running was left running"
        left += f"; it was not gone back: {self.not_gone_back}\n" if self.not_gone_back else ". "
        return f"{left}Mend the cause and go on: {verb}{back}"

    def to_json(self) -> Any:
        """As of a deploy, the upgrade that is not finished now, and the rollback that followed a failure."""
        return {
            **super().to_json(),
            "unfinished": self.unfinished.model_dump() if self.unfinished else None,
            "rollback": self.back.to_json() if self.back else None,
            "not_gone_back": self.not_gone_back,
        }

    def text(self) -> str:
        """As of a deploy, and what to do now."""
        said = super().text()
        return said if self.failed or not self.reminder else f"{said}\n{self.reminder}"


class UpgradeVerbs(CanaryVerbs, ValidationVerbs):
    """Upgrading, and finishing an upgrade."""

    def plan_upgrade(
        self,
        *,
        finish: bool = False,
        canary: CanaryRequest | None = None,
        max_fail: str | None = None,
        diff: bool = False,
    ) -> Planned:
        """What `upgrade` would do, and why; with `diff` also how each configuration file changes."""
        plan, desired, states = self._planned(finish, canary, max_fail)
        doubts = (*self._doubts(desired, states), *self._one_way(desired))
        files = file_diffs(plan, desired, states) if diff else ()
        return Planned(plan, (*self.configuration.warnings, *doubts), files)

    def upgrade(
        self,
        plan_file: Path | None = None,
        *,
        finish: bool = False,
        canary: CanaryRequest | None = None,
        max_fail: str | None = None,
        auto_rollback: bool = False,
        lock_timeout: int = LOCK_TIMEOUT,
    ) -> Upgraded:
        """Go to the release of the images, or (`finish`) end the upgrade that brought the cloud there.

        After it, until it is finished, one can go back. InputError, before anything is touched, when the
        releases are not those of an upgrade, the plan in the file is for other hosts or settings, or the
        images of the new release do not take the configuration. LockedError when another deployer stays for
        longer than `lock_timeout` seconds.

        `canary`: what is changed first, and judged, before the rest follows; one that fails is taken back.
        `max_fail`: on how many hosts it may fail before nothing further is begun, as for `deploy`.
        `auto_rollback`: go back to the last good state when an operation fails after the upgrade has begun,
        as a revision of its own, also when it was the canary that failed; InputError, before anything is
        touched, when that could not be done.
        """
        check_asked_once(plan_file, canary, max_fail)
        if finish and auto_rollback:
            raise InputError("after --finish there is no way back", hint="leave out --auto-rollback")
        with self._hooks.giving_up():
            done = self._hosts.patiently(
                "upgrade",
                lock_timeout,
                lambda: self._upgrade(plan_file, finish, canary, max_fail, auto_rollback),
            )
        if auto_rollback and done.failed and done.unfinished is not None:
            return self._gone_back(done, lock_timeout)
        return done

    def _gone_back(self, done: Upgraded, lock_timeout: int) -> Upgraded:
        """An upgrade that failed, after the way back from it to the revision before."""
        try:
            number = good(self._revisions.all()).number
            return replace(done, back=self.rollback(number, lock_timeout=lock_timeout))
        except KollaError as error:
            return replace(done, not_gone_back=str(error))

    def _check_way_back(self, desired: Desired) -> None:
        """InputError when an upgrade could not be gone back from: services that cannot, or nobody knows,
        and everything that a rollback to the last good state would refuse now."""
        change = desired.upgrade
        lost = self._lost(desired)
        if change is not None and lost:
            raise one_way(change, lost)
        revision, target = self._target(good(self._revisions.all()).number)
        self._towards(revision, target, self._hosts.compared_with(target))

    def _upgrade(
        self,
        plan_file: Path | None,
        finish: bool,
        canary: CanaryRequest | None,
        max_fail: str | None,
        auto_rollback: bool,
    ) -> Upgraded:
        plan, desired, states = self._planned(finish, canary, max_fail)
        doubts = (*self._gate(desired, states), *self._one_way(desired))
        if auto_rollback:
            self._check_way_back(desired)
        if plan_file is not None:
            kept = Plan.load(plan_file)
            check_purpose(kept, plan_file, plan.purpose)
            check_usable(kept, plan_file, desired.cloud_id, fingerprint(states), desired.bundle())
            plan = kept
        done = self._change(plan.purpose, plan, desired, 0)
        if not auto_rollback:  # which takes back everything, the canary too
            done = self._judged(done, desired)
        desired, states = self._hosts.observed()
        return Upgraded(
            plan,
            done.failed,
            reconcile(desired, states),
            complete=True,
            warnings=(*self.configuration.warnings, *doubts, *check_warnings(done)),
            revision=done.revision,
            canary=done.canary,
            unfinished=unfinished(states),
            reminder=reminder(desired.release, states),
        )

    def _one_way(self, desired: Desired) -> tuple[str, ...]:
        """A warning when one cannot go back from the upgrade without a restored database."""
        lost = self._lost(desired)
        if not lost:
            return ()
        services = "; ".join(f"{service}: {reason}" for service, reason in lost.items())
        return (f"no rollback of the upgrade {desired.upgrade} without restoring the backup: {services}",)

    def _lost(self, desired: Desired) -> dict[str, str]:
        """Service -> why one cannot go back from the upgrade to what it was."""
        folders = self.configuration.catalogue.folders.values()
        return no_way_back(folders, desired.upgrade, desired) if desired.upgrade else {}

    def _planned(
        self, finish: bool, canary: CanaryRequest | None, max_fail: str | None
    ) -> tuple[Plan, Desired, dict[str, HostState]]:
        read = self.configuration
        if read.limit or read.tags:
            raise InputError("an upgrade is of the whole cloud", hint="leave out --limit and --tags")
        if finish and canary is not None:
            raise InputError("the end of an upgrade has no canary: there is no way back from it")
        decide = finish_course if finish else upgrade_course
        desired, states = self._hosts.observed(decide)
        if finish:
            plan = finish_plan(desired, states)
        else:
            plan = upgrade_plan(desired, states, begun=decide(desired.release, states).begun)
        plan = rolling(self._with_canary(plan, desired, states, canary), desired, states)
        plan = self._bearing(plan, desired, max_fail)
        return self._hooks.planned("upgrade", plan), desired, states


def check_purpose(plan: Plan, path: Path, purpose: Purpose) -> None:
    """InputError unless the plan in a file is for the verb that is to do it."""
    verbs = {"deploy": "kolla deploy", "upgrade": UPGRADE, "finish": FINISH}
    if plan.purpose != purpose:
        raise InputError(
            f"this plan is for {verbs[plan.purpose]}",
            where=Location(path),
            hint=f"run: {verbs[plan.purpose]} --plan {path}",
        )
