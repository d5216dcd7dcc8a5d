"""The verbs about revisions, as a part of the Python API (`kolla.api.Cloud`)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from kolla.configuration import Configuration
from kolla.events import Listener
from kolla.hooks import Hooks
from kolla.hosts import Hosts, owner
from kolla.results import Deployed
from kolla.revisions import origin
from kolla.revisions.recording import recording
from kolla.revisions.results import RevisionDiff, Revisions, RevisionShown
from kolla.revisions.store import Store
from kolla.state import revision as choice
from kolla.state import revision_diff, revision_state
from kolla.state.desired import Desired
from kolla.state.plan import Plan
from kolla.state.revision import Deployer, Revision


class RevisionVerbs:
    """What was applied: looking at it, and going back to it."""

    configuration: Configuration
    progress: Listener
    _hosts: Hosts
    _hooks: Hooks

    @property
    def _revisions(self) -> Store:
        return Store(self.configuration.places.revisions)

    def revisions(self) -> Revisions:
        """Every change of the cloud that is kept, the oldest first."""
        return Revisions(self._revisions.all())

    def revision(self, number: int) -> RevisionShown:
        """One revision: what was done and why, its images and files. InputError when there is none."""
        store = self._revisions
        found = choice.named(number, store.all())
        return RevisionShown(found, store.plan(number), store.desired(number))

    def revision_diff(self, old: int, new: int) -> RevisionDiff:
        """What differs between two revisions, container by container, with secrets masked."""
        store = self._revisions
        before, after = (choice.named(number, store.all()) for number in (old, new))
        differences = revision_diff.differences(store.desired(old), store.desired(new))
        return RevisionDiff(before, after, differences)

    def _change(
        self, verb: str, plan: Plan, desired: Desired, lock_timeout: int, revision: Revision | None = None
    ) -> Deployed:
        """Carry out a plan towards `desired`, recorded as a revision of that verb; nothing is looked at
        afterwards, so nothing `remains`.

        `revision`: one whose state this is; without it, the state is that of the settings.
        """
        store = self._revisions
        standing = choice.current(store.all())
        before = store.desired(standing.number) if standing is not None else None
        asked = self.configuration.hosts()
        applied = revision_state.narrowed(desired, before, asked, plan.services)
        beginning = self._beginning(verb, applied, revision)
        with (
            self._hooks.before(verb, plan, self.progress),
            recording(store, beginning, plan, applied, self.progress) as recorder,
        ):
            hosts = replace(self._hosts, progress=recorder.see)
            outcome = hosts.apply(plan, desired, lock_timeout, phase=verb)
        if recorder.revision.result == "done":
            store.prune(self.configuration.globals.value("revisions_kept"))
            self._hooks.after(verb, plan, self.progress)
        nothing = plan.model_copy(update={"operations": ()})
        return Deployed(
            plan,
            tuple(outcome.failures()),
            nothing,
            complete=True,
            revision=recorder.revision.number,
            messages={id_: result.message for id_, result in outcome.operations.items()},
        )

    def _beginning(self, verb: str, applied: Desired, revision: Revision | None) -> Revision:
        """A revision before anything was done; its number is given when it is kept."""
        return Revision(
            number=0,
            verb=verb,
            who=Deployer.model_validate(owner(verb)),
            started=datetime.now(UTC),
            cloud_name=applied.cloud_name,
            cloud_id=applied.cloud_id,
            state=revision_state.digest(revision_state.document(applied)),
            source=revision.source if revision else origin.source(self.configuration),
            restores=revision.number if revision else None,
        )
