"""The verbs about revisions, as a part of the Python API (`kolla.api.Cloud`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from kolla.configuration import Configuration
from kolla.errors import ChangedError, InputError, did_you_mean
from kolla.events import Listener
from kolla.hooks import Hooks
from kolla.hosts import LOCK_TIMEOUT, Hosts, owner
from kolla.results import Deployed, Planned
from kolla.revisions import origin
from kolla.revisions.recording import recording
from kolla.revisions.results import RevisionDiff, Revisions, RevisionShown
from kolla.revisions.store import Store, told
from kolla.settings import passwords
from kolla.state import restoring, revision_diff, revision_state, rollback
from kolla.state import revision as choice
from kolla.state.desired import Desired
from kolla.state.file_diff import file_diffs
from kolla.state.host_state import HostState
from kolla.state.impact import served_by
from kolla.state.plan import Plan, changes
from kolla.state.prune import with_discards
from kolla.state.revision import Deployer, Revision
from kolla.state.rolling import rolling


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

    def revisions_on_hosts(self) -> Revisions:
        """What hosts have on record of the changes that touched them: for who lost what is kept here.

        KollaError for a record that this version cannot read.
        """
        answers = self._hosts.ask_each("revisions", {})
        return Revisions(told({host: answer["revisions"] for host, answer in answers.items()}))

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

    def plan_against(self, number: int | None = None, *, diff: bool = False) -> Planned:
        """What a rollback to a revision would do, and why; with `diff` also how each configuration file
        changes. InputError when it cannot be gone back to."""
        revision, target = self._target(number)
        states = self._hosts.compared_with(target)
        plan = self._towards(revision, target, states)
        # What is on the hosts now was made with the passwords of now.
        known = passwords.load(self.configuration.directory).values()
        secrets = target.secrets | {secret.reveal() for secret in known}
        files = file_diffs(plan, replace(target, secrets=secrets), states) if diff else ()
        return Planned(plan, self._situation, files, towards=revision.number)

    def rollback(
        self,
        number: int | None = None,
        plan: Plan | None = None,
        *,
        restore: bool = False,
        lock_timeout: int = LOCK_TIMEOUT,
    ) -> Deployed:
        """Bring the cloud back to a revision: containers, images, configuration; no schemas, and no data.

        `number`: by default the last state that was good before the present one. `plan`: what
        `plan_against` gave; InputError, before anything is touched, when it would be another by now, when
        there is no such revision, or an image of it is neither on its host nor in a registry. LockedError
        when another deployer stays for longer than `lock_timeout` seconds.

        `restore`: where services of then cannot work with the data of now, bring back the backup that the
        upgrade made before it, and lose what was written since. InputError without it.
        """
        revision, target = self._target(number)
        with self._hooks.giving_up():
            return self._hosts.patiently(
                "rollback", lock_timeout, lambda: self._go_back(revision, target, plan, restore)
            )

    def _go_back(self, revision: Revision, target: Desired, shown: Plan | None, restore: bool) -> Deployed:
        plan = self._towards(revision, target, self._hosts.compared_with(target))
        restoring.check_wanted(plan.restores, restore)
        if shown is not None and changes(plan) != changes(shown):
            raise ChangedError(f"look at it again: kolla plan --against {revision.number}")
        if not plan:
            return Deployed(plan, (), plan, complete=True, towards=revision.number)
        done = self._change("rollback", plan, target, 0, revision)
        remaining = self._towards(revision, target, self._hosts.compared_with(target))
        return replace(done, remaining=remaining, towards=revision.number, warnings=self._situation)

    def _target(self, number: int | None) -> tuple[Revision, Desired]:
        """A revision to go back to, and its state."""
        store = self._revisions
        known = store.all()
        revision = choice.restorable(number, known) if number is not None else choice.previous(known)
        target = self._with_served(store.desired(revision.number), known)
        rollback.check_hosts(revision.number, target, self.configuration.inventory.hosts)
        return revision, target

    def _with_served(self, target: Desired, known: Sequence[Revision]) -> Desired:
        """The state, which knows also what containers of now serve: some of them may go."""
        standing = choice.current(known)
        now = self._revisions.desired(standing.number) if standing else target
        return replace(target, served=served_by(now) | served_by(target))

    def _towards(self, revision: Revision, target: Desired, states: Mapping[str, HostState]) -> Plan:
        folders, known = self.configuration.catalogue.folders.values(), self._revisions.all()
        way = rollback.way_back(revision.number, target, states, folders, known)
        restoring.check_whole(way.due, self.configuration.limit, self.configuration.tags)
        services = self._asked_services(target)
        plan = rollback.towards(revision.number, target, states, services=services, way=way)
        plan = rolling(plan, target, states)
        plan = with_discards(plan, target, states, self._needed_images)
        return self._hooks.planned("rollback", plan)

    def _needed_images(self) -> frozenset[str]:
        """Images that stay on hosts: of revisions that are kept after one more change, and of the last build,
        which the next deploy may want."""
        read = self.configuration
        kept = choice.images_kept(self._revisions.all(), read.globals.value("revisions_kept"))
        built = read.report.images.values() if read.places.build_report.exists() else ()
        return kept | {image.id for image in built if image.id}

    def _asked_services(self, target: Desired) -> frozenset[str] | None:
        """The services that `--tags` leaves, None for all; InputError for one the revision does not have."""
        tags, known = self.configuration.tags, {container.service for container in target.containers}
        for tag in tags:
            if tag not in known:
                raise InputError(
                    f"--tags: the revision has no service '{tag}'", hint=did_you_mean(tag, known)
                )
        return frozenset(tags) or None

    @property
    def _situation(self) -> tuple[str, ...]:
        return choice.situation(self._revisions.all())

    def _change(
        self,
        verb: str,
        plan: Plan,
        desired: Desired,
        lock_timeout: int,
        revision: Revision | None = None,
        applied: Desired | None = None,
    ) -> Deployed:
        """Carry out a plan towards `desired`, recorded as a revision of that verb; nothing is looked at
        afterwards, so nothing `remains`.

        `revision`: one whose state this is; without it, the state is that of the settings. `applied`: what
        the cloud is afterwards, where that is not `desired` on the hosts and services of the plan.
        """
        store, kept = self._revisions, self.configuration.globals.value("revisions_kept")
        hosts = self.configuration.hosts()
        applied = applied or revision_state.narrowed(desired, self._before, hosts, plan.services)
        beginning = self._beginning(verb, plan, desired, applied, revision)
        with (
            self._hooks.before(verb, plan, self.progress),
            recording(store, beginning, plan, applied, self.progress, kept) as recorder,
        ):
            told = replace(self._hosts, progress=recorder.see, note=recorder.note)
            outcome = told.apply(plan, desired, lock_timeout, phase=verb)
        if recorder.revision.result == "done":
            store.prune(kept)
            self._hooks.after(verb, plan, self.progress)
        else:
            self._hooks.failed(verb, plan, self.progress)
        nothing = plan.model_copy(update={"operations": ()})
        return Deployed(
            plan,
            tuple(outcome.failures()),
            nothing,
            complete=True,
            revision=recorder.revision.number,
            messages={id_: result.message for id_, result in outcome.operations.items()},
        )

    def _confirm(self, verb: str, plan: Plan, desired: Desired) -> int | None:
        """There was nothing to do: keep that as a revision if the newest one leaves it open what the cloud is
        like, and give its number. So it is after a change that was interrupted and that the hosts ended by
        themselves, and when settings were taken back after a rollback."""
        known, read = self._revisions.all(), self.configuration
        if read.limit or read.tags or (known and not choice.situation(known)):
            return None
        applied = revision_state.narrowed(desired, self._before, read.hosts(), None)
        found = self._beginning(verb, plan, desired, applied, None)
        found = found.model_copy(update={"ended": found.started, "result": "done"})
        return self._revisions.begin(found, plan, applied).number

    def _before(self) -> Desired | None:
        """The state of the cloud before a change, as far as it is known."""
        store = self._revisions
        standing = choice.current(store.all())
        return store.desired(standing.number) if standing is not None else None

    def _beginning(
        self, verb: str, plan: Plan, desired: Desired, applied: Desired, revision: Revision | None
    ) -> Revision:
        """A revision before anything was done; its number is given when it is kept."""
        images = {node.spec.image for node in (*desired.nodes, *applied.nodes)}
        return Revision(
            number=0,
            verb=verb,
            who=Deployer.model_validate(owner(verb)),
            started=datetime.now(UTC),
            cloud_name=applied.cloud_name,
            cloud_id=applied.cloud_id,
            images=tuple(sorted(images)),
            state=revision_state.digest(revision_state.document(applied)),
            limit=self.configuration.limit,
            tags=plan.services or (),
            source=revision.source if revision else origin.source(self.configuration),
            restores=revision.number if revision else None,
        )
