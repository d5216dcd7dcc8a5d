"""A revision: what was applied once, by whom, from what, and what came of it.

Types and choices only; `kolla.revisions` keeps them. The desired state that belongs to a revision is in a
document of its own (`revision_state`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import AwareDatetime

from kolla.catalogue.model import Model
from kolla.errors import InputError
from kolla.state.changes import ReleaseChange

Result = Literal["in progress", "done", "failed", "interrupted"]


class Deployer(Model):
    """Who made a change: the same words as in the lease on each host."""

    user: str
    host: str
    boot_id: str
    pid: int
    command: str


class Failure(Model):
    """An operation that failed."""

    operation: str
    host: str
    message: str


class Source(Model):
    """What the state of a revision was made from."""

    release: str
    """OpenStack release of the images: `2026.1`."""
    base: str
    """Base distribution of the images: `debian-13`."""
    settings: dict[str, str]
    """File the settings came from -> SHA-256."""
    commit: str | None = None
    """Commit of the configuration directory, where it is a git repository; `+` after it: changed since."""


class Backup(Model):
    """A backup that an upgrade made before it changed anything."""

    job: str
    """`service/name` of what made it."""
    name: str
    """As the verb that brings it back knows it."""
    change: ReleaseChange
    """The upgrade that it was made for."""
    settled: bool
    """Whether schemas were still those of the older release: no earlier try had expanded any."""


class Revision(Model):
    """One change of the cloud."""

    version: Literal[1] = 1
    number: int
    """From 1, and only growing."""
    verb: str
    who: Deployer
    started: AwareDatetime
    ended: AwareDatetime | None = None
    result: Result = "in progress"
    outcomes: dict[str, str] = {}
    """Operation id -> done, skipped, failed or blocked; one that was never begun is not in it."""
    failures: tuple[Failure, ...] = ()
    problem: str = ""
    """Why it ended early, other than by an operation: a host that broke, for example."""
    cloud_name: str
    cloud_id: str
    limit: tuple[str, ...] = ()
    """The hosts and groups it was limited to; empty: all."""
    tags: tuple[str, ...] = ()
    """The services it was narrowed to; empty: all."""
    source: Source
    state: str
    """Digest of the desired state."""
    images: tuple[str, ...] = ()
    """IDs of the images it needs, those of jobs among them; sorted."""
    restores: int | None = None
    """The revision that this one went back to."""
    backups: tuple[Backup, ...] = ()
    """Those that were made before anything was changed."""

    @property
    def origin(self) -> int:
        """The revision whose state this one has: its own number, unless it went back to another."""
        return self.restores or self.number

    @property
    def done(self) -> int:
        """How many operations changed something."""
        return sum(outcome == "done" for outcome in self.outcomes.values())


def current(revisions: Sequence[Revision]) -> Revision | None:
    """The newest one that succeeded: what the cloud runs, as far as later ones left it alone."""
    return next((revision for revision in reversed(revisions) if revision.result == "done"), None)


def good(revisions: Sequence[Revision]) -> Revision:
    """The newest one that succeeded; InputError when there is none."""
    standing = current(revisions)
    if standing is None:
        raise InputError("there is no revision to go back to", hint="kolla revisions lists what there is")
    return standing


def previous(revisions: Sequence[Revision]) -> Revision:
    """Where a rollback goes when nobody says: to the state before the present one.

    After a change that failed or was interrupted that is the newest success; of a rollback, where it was
    going. Otherwise the newest success before it with another state; going back twice goes further back,
    never forward again. InputError when there is none.
    """
    standing = good(revisions)
    last = revisions[-1]
    if last is not standing:
        goals = [each for each in revisions if each.number == last.restores and each.result == "done"]
        return goals[0] if goals else standing
    for revision in reversed(revisions):
        earlier = revision.result == "done" and revision.number < standing.origin
        if earlier and revision.state != standing.state:
            return _restored(revision, revisions)
    raise InputError(
        f"there is no revision before {standing.origin} to go back to",
        hint="kolla revisions lists what there is",
    )


def _restored(revision: Revision, revisions: Sequence[Revision]) -> Revision:
    """The revision whose state `revision` restored, if it is still kept; else itself."""
    return next((each for each in revisions if each.number == revision.origin), revision)


def named(number: int, revisions: Sequence[Revision]) -> Revision:
    """The revision of that number; InputError with the nearest one when there is none."""
    by_number = {revision.number: revision for revision in revisions}
    if number not in by_number:
        near = min(by_number, key=lambda known: (abs(known - number), -known), default=None)
        raise InputError(
            f"there is no revision {number}",
            hint=f"the nearest is {near}; kolla revisions lists all" if near else "nothing was deployed yet",
        )
    return by_number[number]


def restorable(number: int, revisions: Sequence[Revision]) -> Revision:
    """The revision of that number, to go back to; InputError for one that never became true."""
    revision = named(number, revisions)
    if revision.result != "done":
        good = [each.number for each in revisions if each.result == "done"]
        near = min(good, key=lambda known: (abs(known - number), -known), default=None)
        raise InputError(
            f"revision {number} is {revision.result}: the cloud never was as it says",
            hint=f"the nearest that was done is {near}" if near else "kolla deploy goes on with it",
        )
    return revision


def kept(revisions: Sequence[Revision], keep: int) -> tuple[Revision, ...]:
    """Those to keep: the newest `keep` that succeeded, and every one after the oldest of these.

    Attempts that failed do not count, so that a bad night does not push out what one could go back to.
    """
    good = [revision.number for revision in revisions if revision.result == "done"]
    oldest = 0 if len(good) < keep else good[-keep] if keep else max(good, default=0) + 1
    return tuple(revision for revision in revisions if revision.number >= oldest)


def images_kept(revisions: Sequence[Revision], keep: int) -> frozenset[str]:
    """IDs of the images that are needed to go back, once one more change has succeeded."""
    return frozenset(image for revision in kept(revisions, keep - 1) for image in revision.images)


def with_backup(number: int, release: str, revisions: Sequence[Revision]) -> Revision | None:
    """The newest upgrade after revision `number` that left `release` and made a backup before it did."""
    return next(
        (
            revision
            for revision in reversed(revisions)
            if revision.number > number and any(b.change.before == release for b in revision.backups)
        ),
        None,
    )


def finishing(revisions: Sequence[Revision]) -> Revision | None:
    """The end of an upgrade that was begun and not completed: what the older release needs is partly gone."""
    between = [revision for revision in revisions if revision.verb in ("upgrade", "finish")]
    last = between[-1] if between else None
    return last if last and last.verb == "finish" and last.result != "done" else None


def situation(revisions: Sequence[Revision]) -> tuple[str, ...]:
    """What an operator must know who looks at the cloud: that it runs something else than its settings say,
    or is half changed. Usually nothing."""
    standing = current(revisions)
    found = []
    if standing is not None and standing.restores is not None:
        found.append(
            f"the cloud {'partly ' if standing.limit or standing.tags else ''}runs revision "
            f"{standing.restores}, which it was rolled back to; {_forward(standing, revisions)} leads to "
            "what the settings say"
        )
    if revisions and (last := revisions[-1]).result in ("failed", "interrupted"):
        way_back = standing is not None and last.restores is None and last.verb != "finish"
        back = f", kolla rollback goes back to {standing.origin}" if standing and way_back else ""
        found.append(
            f"revision {last.number} ({last.verb}) {_ENDED[last.result]}: {_again(last)} goes on{back}"
        )
    return tuple(found)


def _again(revision: Revision) -> str:
    """What to type to go on with a change that did not come to its end."""
    if revision.restores is not None:
        return f"kolla rollback {revision.restores}"
    return {"upgrade": "kolla upgrade", "finish": "kolla upgrade --finish"}.get(revision.verb, "kolla deploy")


def _forward(standing: Revision, revisions: Sequence[Revision]) -> str:
    """The verb that leads on from a revision that was gone back to: of an upgrade, the upgrade."""
    before = current([revision for revision in revisions if revision.number < standing.number])
    other = before is not None and before.source.release != standing.source.release
    return "kolla upgrade" if other else "kolla deploy"


_ENDED: Mapping[Result, str] = {"failed": "failed", "interrupted": "was interrupted"}


def changed_settings(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Files that differ between the settings of two revisions, one phrase each."""
    changed = [f"{path} changed" for path in new if path in old and old[path] != new[path]]
    changed += [f"{path} came" for path in new if path not in old]
    return sorted(changed + [f"{path} went" for path in old if path not in new])
