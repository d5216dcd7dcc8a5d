"""The verbs as a Python API. Each is one method of `Cloud`; nothing runs in the background.

The acting shell around the deciding rooms: what the operator wrote is a `Configuration`, the machines are
`Hosts`; `kolla.state` decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kolla.adopt_verb import AdoptVerb
from kolla.ansible import session
from kolla.canary_verbs import check_asked_once
from kolla.configuration import Configuration
from kolla.errors import InputError, KollaError, Location, LockedError, did_you_mean
from kolla.events import Event, Listener, ignore
from kolla.hooks import Hooks
from kolla.host_results import HostChange, HostChanged, Removal
from kolla.host_verbs import HostVerbs
from kolla.hosts import LOCK_TIMEOUT, Hosts
from kolla.image_verbs import ImageVerbs
from kolla.places import remove_files, write_json, write_private
from kolla.preparation_verbs import changes
from kolla.results import (
    Adopted,
    Built,
    Changes,
    Deployed,
    Done,
    Findings,
    Holdings,
    Lines,
    Listing,
    Planned,
    Ran,
    Rows,
    ScanDiff,
    Written,
    check_warnings,
)
from kolla.revisions.results import RevisionDiff, Revisions, RevisionShown
from kolla.set_verbs import SetVerbs
from kolla.settings import passwords
from kolla.state import status
from kolla.state.canary_request import CanaryRequest
from kolla.state.clients import client_files
from kolla.state.demand import demanded
from kolla.state.derive import desire
from kolla.state.desired import Desired
from kolla.state.file_diff import file_diffs
from kolla.state.host_state import HostState
from kolla.state.impact import Summary
from kolla.state.plan import Plan, check_usable
from kolla.state.power import PowerAction
from kolla.state.prune import with_discards
from kolla.state.reconcile import fingerprint, reconcile
from kolla.state.releases import deploy_course, reminder
from kolla.state.revision_diff import as_applied
from kolla.state.rolling import rolling
from kolla.state.topology import engine_name
from kolla.upgrade_verbs import Upgraded, check_purpose

__all__ = [
    "Adopted",
    "Built",
    "CanaryRequest",
    "Changes",
    "Cloud",
    "Deployed",
    "Done",
    "Event",
    "Findings",
    "Holdings",
    "HostChange",
    "HostChanged",
    "InputError",
    "KollaError",
    "Lines",
    "Listener",
    "Listing",
    "LockedError",
    "Plan",
    "Planned",
    "PowerAction",
    "Ran",
    "Removal",
    "RevisionDiff",
    "RevisionShown",
    "Revisions",
    "Rows",
    "ScanDiff",
    "Summary",
    "Upgraded",
    "Written",
]


class Cloud(ImageVerbs, AdoptVerb, HostVerbs, SetVerbs):
    """One cloud. Everything is read when it is first needed, so a verb reads only what it needs."""

    def __init__(
        self,
        config_directory: Path,
        inventory: Sequence[str] = (),
        service_paths: Sequence[Path] = (),
        limit: Sequence[str] = (),
        tags: Sequence[str] = (),
        progress: Listener = ignore,
        build_config_files: Sequence[Path] = (),
        build_report: Path | None = None,
        facts: Path | None = None,
    ) -> None:
        """`build_report` and `facts`: what another machine knows of images and hosts, for plans that ask no
        host."""
        self.configuration = Configuration(
            config_directory,
            tuple(inventory),
            tuple(service_paths),
            tuple(limit),
            tuple(tags),
            tuple(build_config_files),
            build_report,
            facts,
        )
        self.progress = progress
        self._hosts = Hosts(self.configuration, progress)
        self._hooks = Hooks(self.configuration)

    # -- passwords ---------------------------------------------------------------------------

    def genpwd(self) -> Written:
        """Fill in every password that is missing; what is there stays."""
        path = self.configuration.directory / passwords.FILE
        missing = passwords.generate(
            self.configuration.catalogue, passwords.load(self.configuration.directory)
        )
        return _passwords_written(path, passwords.complete(path, missing))

    def mergepwd(self, old: Path, new: Path, final: Path) -> Written:
        """Write `final`: everything `old` holds, and what only `new` has besides."""
        if final.exists():
            raise InputError("it exists already, and passwords are never overwritten", where=Location(final))
        return _passwords_written(final, passwords.merge(old, new, final))

    # -- plan and deploy ---------------------------------------------------------------------

    def plan(
        self,
        *,
        offline: bool = False,
        against_config: Path | None = None,
        diff: bool = False,
        canary: CanaryRequest | None = None,
        max_fail: str | None = None,
    ) -> Planned:
        """What deploy would do, and why; with `diff` also how each configuration file changes.

        `offline` asks no host: everything appears as new. `against_config` asks none either, and takes the
        hosts to be as that other configuration directory says: what a deploy after it would do. `canary` and
        `max_fail`: as for `deploy`.
        """
        warnings = self._warnings()
        if against_config is not None:
            desired, states = self._as_configured(against_config)
        elif offline:
            desired = self._desired(self.configuration)
            states = {host: HostState(host=host) for host in self.configuration.hosts()}
        else:
            desired, states = self._hosts.observed(deploy_course)
        plan = self._plan(desired, states, canary, max_fail)
        files = file_diffs(plan, desired, states) if diff else ()
        reminders = filter(None, (reminder(desired.release, states),))
        warnings = (*warnings, *self._doubts(desired, states), *reminders)
        return Planned(plan, (*warnings, *self._situation) if plan else warnings, files)

    def _desired(self, configuration: Configuration) -> Desired:
        """What a configuration says, with the images and host facts known here; asks nobody."""
        return desire(configuration.settings, self.configuration.report, self._hosts.known_facts())

    def _as_configured(self, directory: Path) -> tuple[Desired, dict[str, HostState]]:
        """What our configuration says, and the hosts as that of `directory` would have made them."""
        if not directory.is_dir():
            raise InputError("there is no such configuration directory", where=Location(directory))
        before = self._desired(replace(self.configuration, directory=directory))
        desired = self._desired(self.configuration)
        desired = replace(desired, secrets=desired.secrets | before.secrets)
        states = as_applied(before, desired)
        return desired, {host: states[host] for host in self.configuration.hosts()}

    def deploy(
        self,
        plan_file: Path | None = None,
        *,
        lock_timeout: int = LOCK_TIMEOUT,
        verb: str = "deploy",
        canary: CanaryRequest | None = None,
        max_fail: str | None = None,
    ) -> Deployed:
        """Carry out a plan: the one in `plan_file`, or the one `plan` would show now.

        What was done is kept as a revision of `verb`. Afterwards the hosts are asked again.
        LockedError when another deployer stays for longer than `lock_timeout` seconds; InputError when the
        plan in the file is for other hosts or settings than those of now.

        `canary`: what is changed first, and judged, before the rest follows; one that fails is taken back.
        `max_fail`: on how many hosts it may fail before nothing further is begun, `2` or `10%`; by default
        what the setting of that name says. A plan in a file has its own of both.
        """
        with self._hooks.giving_up():
            return self._hosts.patiently(
                verb, lock_timeout, lambda: self._deploy(plan_file, verb, canary, max_fail)
            )

    def _deploy(
        self, plan_file: Path | None, verb: str, canary: CanaryRequest | None, max_fail: str | None
    ) -> Deployed:
        check_asked_once(plan_file, canary, max_fail)
        warnings = self._warnings()
        desired, states = self._hosts.observed(deploy_course)
        warnings += (*self._gate(desired, states), *filter(None, (reminder(desired.release, states),)))
        if plan_file is None:
            # What is carried out is what a file would hold, nothing more.
            plan = Plan.model_validate_json(self._plan(desired, states, canary, max_fail).model_dump_json())
        else:
            plan = Plan.load(plan_file)
            check_purpose(plan, plan_file, "deploy")
            check_usable(plan, plan_file, desired.cloud_id, fingerprint(states), desired.bundle())
        if not plan:
            found = self._confirm(verb, plan, desired)
            return Deployed(plan, (), plan, complete=True, warnings=warnings, revision=found)
        done = self._judged(self._change(verb, plan, desired, 0), desired)
        remaining = self._plan(*self._hosts.observed())
        warnings += tuple(check_warnings(done))
        return replace(done, remaining=remaining, complete=plan_file is None, warnings=warnings)

    def _warnings(self) -> tuple[str, ...]:
        from kolla.images.outdated import outdated
        from kolla.images.overrides import customised

        read = self.configuration
        warnings = read.warnings  # first: reading all settings tells all errors at once
        settings = read.build_settings
        if read.build_report_file:
            return warnings  # what it was built from is not here
        images = outdated(settings, customised(settings), read.report, read.places.directory)
        sentence = "image '{}' was built before what goes into it changed; run: kolla build"
        return (*warnings, *map(sentence.format, images))

    def _plan(
        self,
        desired: Desired,
        states: Mapping[str, HostState],
        canary: CanaryRequest | None = None,
        max_fail: str | None = None,
    ) -> Plan:
        plan = reconcile(desired, states, services=self.configuration.services())
        plan = self._with_canary(plan, desired, states, canary)
        plan = rolling(plan, desired, states)
        plan = with_discards(plan, desired, states, self._needed_images)
        plan = self._bearing(plan, desired, max_fail)
        return self._hooks.planned("deploy", plan)

    def check(self, sets: Sequence[str] = ()) -> Findings:
        """Containers running and healthy, and the services' own functional checks; of `sets`, all when none
        are named. InputError for a set that is not there."""
        return self._hosts.patiently("check", LOCK_TIMEOUT, lambda: self._check(sets))

    def _check(self, sets: Sequence[str]) -> Findings:
        names = self.containers_of(sets)
        desired, states = self._hosts.observed()
        services = {c.service for c in desired.containers if names is None or c.name in names}
        checks = [check for check in desired.checks if names is None or check.service in services]
        plan = demanded(desired, checks, states)
        outcome = self._hosts.apply(plan, desired, 0, phase="check")
        functions = [
            {
                "host": check.host,
                "check": "function",
                "subject": check.name,
                "ok": result.status == "done",
                "message": "\n".join((result.message, *result.log)),
                "hint": f"expected: {check.description}",
            }
            for check in checks
            if check.id in outcome.operations
            for result in (outcome.operations[check.id],)
        ]
        return Findings((*status.findings(desired, states, names), *functions))

    def genconfig(self, directory: Path) -> Written:
        """Write every rendered file below `directory`, host by host, for reading."""
        desired = desire(self.configuration.settings, self.configuration.report, self._hosts.facts())
        written = []
        for container in desired.containers:
            folder = directory / container.host / container.name
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name, file in container.config.files.items():
                write_private(folder / name, file.merged.text)
                written.append(folder / name)
        return Written(tuple(written))

    # -- afterwards --------------------------------------------------------------------------

    def post_deploy(self) -> Written:
        """Write the files people use the cloud with (clouds.yaml, admin-openrc.sh)."""
        written = []
        for name, text in client_files(self.configuration.settings, self._hosts.facts()).items():
            path = self.configuration.directory / name
            write_private(path, text)
            self.configuration.remember(path)
            written.append(path)
        return Written(tuple(written))

    def status(self, sets: Sequence[str] = ()) -> Rows:
        """Every container: wanted or not, running, healthy, version, generation; below it what an operator
        must know of the cloud as a whole."""
        return replace(super().status(sets), notes=self._situation)

    def logs(self, container: str, lines: int = 100) -> Lines:
        """The last `lines` lines a container wrote to its standard output, then as many of its log file,
        below that one's path; from every host that has it."""
        request = {"container": engine_name(container), "lines": lines}
        answers = self._hosts.ask_each("logs", request)
        several = len(answers) > 1
        return Lines(
            tuple(
                f"{host}: {line}" if several else line
                for host, answer in answers.items()
                for line in answer["lines"]
            )
        )

    def execute(self, container: str, command: Sequence[str]) -> Lines:
        """Run a command in a container, on the first host that runs it, at this terminal."""
        settings = self.configuration.settings
        for folder in settings.services:
            if container in folder.service.containers:
                group = folder.service.containers[container].group or folder.name
                items = settings.items.get((folder.name, container))
                host = next(h for h in settings.hosts_of(group) if items is None or h in items)
                variables, engine = settings.inventory.host_vars[host], self.configuration.identity.engine
                code = session.run(variables, host, engine, engine_name(container), command)
                return Lines((), exit_code=code)
        known = [name for folder in settings.services for name in folder.service.containers]
        raise InputError(
            f"no enabled service has a container '{container}'", hint=did_you_mean(container, known)
        )

    def holdings(self, *, volumes: bool = False, images: bool = False, purge: bool = False) -> Holdings:
        """What `destroy` would remove from the hosts; touches nothing."""
        asked = {"containers": True, "volumes": volumes, "images": images, "packages": purge}
        return Holdings(
            self.configuration.identity.name,
            {
                host: {kind: answer[kind] for kind, goes in asked.items() if goes}
                for host, answer in self._hosts.ask_each("holdings", {}).items()
            },
        )

    def destroy(
        self, *, volumes: bool = False, images: bool = False, config: bool = False, purge: bool = False
    ) -> Changes:
        """Remove what the manifests list.

        Data volumes, images, the configuration `quickstart` made, and (`purge`) the engine and packages
        only when asked for. InputError, before anything is touched, when the configuration is to go
        and is not one that `quickstart` made.
        """
        places, made = self.configuration.places, self.configuration.made
        if config:
            self._refuse_foreign_configuration(made)
            if not self.configuration.directory.exists() and not places.made.exists():
                return Changes({}, {})
        cloud_id = self.configuration.identity.id
        request = {"volumes": volumes, "images": images, "purge": False}
        plan = Plan(
            cloud_name=self.configuration.identity.name, cloud_id=cloud_id, precondition="", operations=()
        )
        plan = self._hooks.planned("destroy", plan, everything=True)
        with self._hooks.giving_up(), self._hooks.before("destroy", plan, self.progress):
            removed = changes(self._hosts.ask_each("destroy", request))
            here, left = self._remove_built() if images else ([], [])
            if purge:
                removed += changes(self._hosts.ask_each("destroy", {**request, "purge": True}))
        self._hooks.after("destroy", plan, self.progress)
        if config:
            here += [f"removed {path}" for path in remove_files(made)]
            places.remove()
        if config and removed.kept:  # a later purge must find what was kept
            places.directory.mkdir(mode=0o700, parents=True)
            write_json(places.made, {"cloud_id": cloud_id})
        kept = {**removed.kept, "this machine": tuple(left)} if left else removed.kept
        return removed + Changes({"this machine": tuple(here)} if here else {}, kept)

    def _remove_built(self) -> tuple[list[str], list[str]]:
        """Remove what the builder made on this machine; what went, and what stays and why.

        Not an error when nothing was built, or when the engine of the hosts is not here: they are empty by
        then, and what another one built (`build --engine`) is in nobody's way.
        """
        from kolla.images.remove import remove

        places = self.configuration.places
        if not places.build_report.exists():
            return [], []
        engine = str(self.configuration.globals.value("kolla_container_engine"))
        try:
            tags = remove(self.configuration.report, places, engine)
        except KollaError as error:
            return [], [f"the images that were built: {error.what}"]
        return [f"removed image {tag}" for tag in tags], []

    def _refuse_foreign_configuration(self, made: Sequence[Path]) -> None:
        path = self.configuration.directory / "globals.yml"
        if path.exists() and path not in made:
            raise InputError(
                f"{self.configuration.directory} was not made by kolla quickstart, so it is not removed",
                where=Location(path),
                hint="leave --config out, and remove it yourself if you mean it",
            )


def _passwords_written(path: Path, written: passwords.Written) -> Written:
    notes = [f"added {len(written.added)} passwords"] if written.added else []
    if written.mode_repaired:
        notes.append(f"{path} could be read by others; its mode is 0600 now")
    return Written((path,) if written.added else (), tuple(notes))
