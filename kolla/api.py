"""The verbs as a Python API. Each is one method of `Cloud`; nothing runs in the background.

The acting shell around the deciding rooms: read settings, ask hosts, let `kolla.state` decide,
let `kolla.ansible` execute.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from kolla.ansible import session
from kolla.ansible.executor import CloudIdentity, Executor
from kolla.ansible.inventory import read as read_inventory
from kolla.ansible.outcome import Outcome
from kolla.build_report import BuildReport
from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.loader import load as load_catalogue
from kolla.config.unread import check as check_unread
from kolla.errors import InputError, KollaError, Location, did_you_mean
from kolla.events import Event, Listener, ignore
from kolla.places import Places, read_json, remove_files, write_json, write_private
from kolla.results import Built, Changes, Deployed, Findings, Lines, Planned, Rows, Written
from kolla.secret import Secret
from kolla.settings import Settings, passwords
from kolla.settings import load as load_settings
from kolla.settings.globals import Globals
from kolla.settings.globals import load as load_globals
from kolla.settings.inventory import Inventory
from kolla.state import requirements
from kolla.state.clients import client_files
from kolla.state.derive import desire
from kolla.state.desired import Desired
from kolla.state.facts import HostFacts
from kolla.state.host_state import HostState, Observation
from kolla.state.plan import ImageOperation, Plan
from kolla.state.reconcile import check_plan, fingerprint, reconcile
from kolla.state.topology import engine_name

LOCK_TIMEOUT = 60
"""Seconds to wait for another deployer before giving up."""

BUILDERS = "deployment"
"""The usual group of the machine that kolla itself runs on, which builds images."""

NOTHING_WANTED: Mapping[str, object] = {"folders": {}, "images": []}
"""The question to a host of which not even the facts are known."""


class Cloud:
    """One cloud, as its configuration directory and inventory describe it. Everything is read lazily,
    so a verb reads only what it needs."""

    def __init__(
        self,
        config_directory: Path,
        inventory: Sequence[str] = (),
        service_paths: Sequence[Path] = (),
        limit: Sequence[str] = (),
        tags: Sequence[str] = (),
        progress: Listener = ignore,
    ) -> None:
        self.config_directory = config_directory
        self.inventory_sources = tuple(inventory)
        self.service_paths = tuple(service_paths)
        self.limit = tuple(limit)
        self.tags = tuple(tags)
        self.progress = progress

    # -- what is read ------------------------------------------------------------------------

    @cached_property
    def catalogue(self) -> Catalogue:
        """Every service there is a folder for."""
        return load_catalogue(self.service_paths)

    @cached_property
    def globals(self) -> Globals:
        """globals.yml, checked; enough for building images."""
        return load_globals(self.config_directory, self.catalogue)

    @cached_property
    def places(self) -> Places:
        """Where the controller keeps what it knows about this cloud."""
        return Places.of(str(self.globals.value("cloud_name")))

    @cached_property
    def inventory(self) -> Inventory:
        """Hosts and groups, read once."""
        return Inventory.parse(read_inventory(self._sources()), self._sources())

    def _sources(self) -> tuple[str, ...]:
        if self.inventory_sources:
            return self.inventory_sources
        own = self.config_directory / "inventory"
        return (str(own if own.exists() else SAMPLE_INVENTORY),)

    @cached_property
    def settings(self) -> Settings:
        """Everything the operator said, merged and checked."""
        return load_settings(
            self.config_directory, inventory=self.inventory, service_paths=self.service_paths
        )

    @property
    def report(self) -> BuildReport:
        """What the builder made last."""
        return BuildReport.load(self.places.build_report)

    def hosts(self) -> tuple[str, ...]:
        """The hosts `--limit` leaves; InputError when it names none that exist."""
        chosen: set[str] = set()
        for name in self.limit:
            if name in self.inventory.hosts:
                chosen.add(name)
            elif name in self.inventory.groups:
                chosen |= set(self.inventory.groups[name])
            else:
                known = [*self.inventory.hosts, *self.inventory.groups]
                raise InputError(
                    f"--limit: there is no host or group '{name}'", hint=did_you_mean(name, known)
                )
        return tuple(h for h in self.inventory.hosts if not self.limit or h in chosen)

    def services(self) -> frozenset[str] | None:
        """The services `--tags` leaves, None for all; InputError for one that is not enabled."""
        names = [folder.name for folder in self.settings.services]
        for tag in self.tags:
            if tag not in names:
                raise InputError(
                    f"--tags: no enabled service is called '{tag}'", hint=did_you_mean(tag, names)
                )
        return frozenset(self.tags) or None

    @cached_property
    def identity(self) -> CloudIdentity:
        """Name and id; the id is remembered when passwords.yml is gone. InputError when there is none."""
        secret = passwords.load(self.config_directory).get(passwords.CLOUD_ID)
        cloud_id = secret.reveal() if secret else read_json(self.places.made).get("cloud_id")
        if not cloud_id:
            raise InputError(
                f"there is no {passwords.CLOUD_ID}",
                where=Location(self.config_directory / passwords.FILE),
                hint="run: kolla genpwd",
            )
        return CloudIdentity(str(self.globals.value("cloud_name")), str(cloud_id))

    def _executor(self, phase: str) -> Executor:
        return Executor(
            self._sources(),
            self.identity,
            state_directory=self.places.directory,
            on_event=self.progress,
            phase=phase,
        )

    # -- images ------------------------------------------------------------------------------

    def build(self, names: Sequence[str] = (), *, refresh: bool = False, push: bool = False) -> Built:
        """Build images and those they are built from; all published ones when `names` is empty."""
        from kolla.images.build import build

        report = build(
            self.globals,
            self.catalogue,
            names,
            self.places.directory,
            refresh=refresh,
            on_event=self.progress,
        )
        if push:
            from kolla.images.push import push as push_images

            report = push_images(self.globals, report, self.places.directory, on_event=self.progress)
        return Built(report, self.places.build_report)

    def images(self) -> Lines:
        """Every image there is, each below its parent."""
        from kolla.images.graph import Graph

        return Lines(tuple(Graph.of(self.catalogue).tree().splitlines()))

    def lock(self, constraints: str) -> Written:
        """Write the lock of the release in the settings from OpenStack's upper constraints (file or URL)."""
        from kolla.images.lock import lock

        path = lock(self.globals, self.catalogue, self.places.directory, constraints, self.progress)
        return Written((path,))

    # -- passwords ---------------------------------------------------------------------------

    def genpwd(self) -> Written:
        """Fill in every password that is missing; what is there stays."""
        path = self.config_directory / passwords.FILE
        missing = passwords.generate(self.catalogue, passwords.load(self.config_directory))
        return _passwords_written(path, passwords.complete(path, missing))

    def mergepwd(self, old: Path, new: Path, final: Path) -> Written:
        """Write `final`: everything `old` holds, and what only `new` has besides."""
        if final.exists():
            raise InputError("it exists already, and passwords are never overwritten", where=Location(final))
        return _passwords_written(final, passwords.merge(old, new, final))

    # -- hosts -------------------------------------------------------------------------------

    def bootstrap_servers(self) -> Changes:
        """Make hosts ready: a container engine that answers, directories, and what builds images."""
        from kolla.images import base

        request: dict[str, Any] = {"node_config": str(self.globals.value("node_config"))}
        registry = str(self.globals.value("docker_registry"))
        if registry and self.globals.value("docker_registry_insecure"):
            request["insecure_registries"] = [registry]
        builders = self.inventory.groups.get(BUILDERS, ())
        requests = {
            host: {**request, "packages": base.TOOLS if host in builders else ()} for host in self.hosts()
        }
        answers = self._executor("bootstrap").ask("bootstrap", requests)
        return _changes(answers)

    def prechecks(self) -> Findings:
        """Look for everything that would make a deploy fail; all findings at once."""
        desired, states = self._observed()
        requests = requirements.requests(desired, states, self.report)
        answers = self._executor("prechecks").ask("precheck", requests)
        return Findings(
            tuple({"host": host, **f} for host, answer in answers.items() for f in answer["findings"])
        )

    def pull(self) -> Deployed:
        """Get every image on the hosts that need it, and nothing else."""
        desired, states = self._observed()
        plan = requirements.image_plan(desired, states)
        return self._carry_out(plan, desired, LOCK_TIMEOUT, phase="pull")

    # -- plan and deploy ---------------------------------------------------------------------

    def plan(self, *, offline: bool = False) -> Planned:
        """What deploy would do, and why. `offline` asks no host: everything appears as new."""
        warnings = check_unread(self.settings)
        if offline:
            desired = desire(self.settings, self.report, self._cached_facts())
            states = {host: HostState(host=host) for host in self.hosts()}
        else:
            desired, states = self._observed()
        return Planned(reconcile(desired, states, services=self.services()), tuple(warnings))

    def deploy(self, plan_file: Path | None = None, *, lock_timeout: int = LOCK_TIMEOUT) -> Deployed:
        """Carry out a plan: the one in `plan_file`, or the one `plan` would show now.

        Afterwards the hosts are asked again. LockedError when another deployer stays for longer
        than `lock_timeout` seconds.
        """
        warnings = check_unread(self.settings)
        desired, states = self._observed()
        if plan_file is None:
            serialised = reconcile(desired, states, services=self.services()).model_dump_json()
            plan = Plan.model_validate_json(serialised)
        else:
            plan = self._checked(Plan.load(plan_file), plan_file, desired, states)
        if not plan:
            return Deployed(plan, (), plan, complete=True, warnings=tuple(warnings))
        done = self._carry_out(plan, desired, lock_timeout, phase="deploy")
        return Deployed(
            plan, done.failed, done.remaining, complete=plan_file is None, warnings=tuple(warnings)
        )

    def _checked(self, plan: Plan, path: Path, desired: Desired, states: Mapping[str, HostState]) -> Plan:
        """A plan from a file, if hosts and settings are still what it was made for."""
        where, hint = Location(path), f"make it again: kolla plan -o {path}"
        if plan.cloud_id != self.settings.cloud_id:
            raise InputError(f"this plan is for another cloud, '{plan.cloud_name}'", where=where, hint=hint)
        if plan.precondition != fingerprint(states):
            raise InputError("the hosts have changed since this plan was made", where=where, hint=hint)
        bundle = desired.bundle()
        for operation in plan.operations:
            for file in (
                operation.folder.files
                if hasattr(operation, "folder") and not isinstance(operation.folder, str)
                else ()
            ):
                if file.sha256 not in bundle:
                    raise InputError(
                        f"the settings have changed since this plan was made ({operation.id}: {file.name})",
                        where=where,
                        hint=hint,
                    )
        return plan

    def _carry_out(self, plan: Plan, desired: Desired, lock_timeout: int, *, phase: str) -> Deployed:
        outcome = self._apply(plan, desired, lock_timeout, phase)
        desired, states = self._observed()
        remaining = (
            requirements.image_plan(desired, states)
            if all(isinstance(o, ImageOperation) for o in plan.operations)
            else reconcile(desired, states, services=self.services())
        )
        return Deployed(plan, tuple(outcome.failures()), remaining, complete=True)

    def _apply(self, plan: Plan, desired: Desired, lock_timeout: int, phase: str) -> Outcome:
        executor = self._executor(phase)
        return executor.apply(plan, desired.bundle(), owner=owner(phase), lock_timeout=lock_timeout)

    def check(self) -> Findings:
        """Containers running and healthy, and the services' own functional checks."""
        desired, states = self._observed()
        findings = [
            {
                "host": c.host,
                "check": "container",
                "subject": c.spec.name,
                **_verdict(states.get(c.host), c.spec.name),
            }
            for c in desired.containers
        ]
        plan = check_plan(desired)
        outcome = self._apply(plan, desired, LOCK_TIMEOUT, "check")
        for operation in plan.operations:
            result = outcome.operations[operation.id]
            message = result.message if result.status == "done" else "\n".join((result.message, *result.log))
            findings.append(
                {
                    "host": operation.host,
                    "check": "function",
                    "subject": operation.id.partition(":")[2].rpartition("@")[0],
                    "ok": result.status == "done",
                    "message": message,
                    "hint": "",
                }
            )
        return Findings(tuple(findings))

    def genconfig(self, directory: Path) -> Written:
        """Write every rendered file below `directory`, host by host, for reading."""
        desired = desire(self.settings, self.report, self._facts())
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
        for name, text in client_files(self.settings, self._facts()).items():
            path = self.config_directory / name
            write_private(path, text)
            self.remember(path)
            written.append(path)
        return Written(tuple(written))

    def status(self) -> Rows:
        """Every container of the cloud: wanted or not, running, healthy, generation."""
        desired, states = self._observed()
        wanted = {(c.host, c.spec.name) for c in desired.containers}
        rows = []
        for host, state in states.items():
            for name, container in sorted(state.containers.items()):
                rows.append(
                    {
                        "host": host,
                        "service": container.service,
                        "container": name,
                        "state": container.state,
                        "health": container.health or "",
                        "generation": container.generation,
                        "note": "" if (host, name) in wanted else "not wanted",
                    }
                )
            missing = sorted(name for h, name in wanted if h == host and name not in state.containers)
            rows += [{"host": host, "container": name, "state": "missing"} for name in missing]
        return Rows(tuple(rows))

    def logs(self, container: str, lines: int = 100) -> Lines:
        """The last `lines` lines a container wrote to its standard output, from every host that has it."""
        request = {"container": engine_name(container), "lines": lines}
        answers = self._executor("logs").ask("logs", self._each(request))
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
        for folder in self.settings.services:
            if container in folder.service.containers:
                group = folder.service.containers[container].group or folder.name
                host = self.settings.hosts_of(group)[0]
                status = session.run(self.inventory.host_vars[host], host, engine_name(container), command)
                return Lines((), exit_code=status)
        known = [name for folder in self.settings.services for name in folder.service.containers]
        raise InputError(
            f"no enabled service has a container '{container}'", hint=did_you_mean(container, known)
        )

    def stop(self, containers: Sequence[str] = ()) -> Changes:
        """Stop containers, all of the cloud's when none are named."""
        return self._containers("stop", containers)

    def start(self, containers: Sequence[str] = ()) -> Changes:
        """Start containers that were stopped."""
        return self._containers("start", containers)

    def _containers(self, verb: str, containers: Sequence[str]) -> Changes:
        names = [engine_name(name) for name in containers] or None
        answers = self._executor(verb).ask(verb, self._each({"containers": names}))
        return _changes(answers)

    def destroy(
        self, *, volumes: bool = False, images: bool = False, config: bool = False, purge: bool = False
    ) -> Changes:
        """Remove what the manifests list.

        Data volumes, images, the configuration `quickstart` made, and (`purge`) the engine and packages
        only when asked for. InputError, before anything is touched, when the configuration is to go
        and is not one that `quickstart` made.
        """
        made = [Path(name) for name in read_json(self.places.made).get("files", [])]
        if config:
            self._refuse_foreign_configuration(made)
            if not self.config_directory.exists() and not self.places.made.exists():
                return Changes({}, {})
        identity = self.identity
        destroyer = self._executor("destroy")
        request = {"volumes": volumes, "images": images, "purge": False}
        removed = _changes(destroyer.ask("destroy", self._each(request)))
        here = self._remove_built() if images else []
        if purge:
            removed += _changes(destroyer.ask("destroy", self._each({**request, "purge": True})))
        if config:
            here += [f"removed {path}" for path in remove_files(made)]
            shutil.rmtree(self.places.directory)
        if config and removed.kept:  # a later purge must find what was kept
            self.places.directory.mkdir(mode=0o700)
            write_json(self.places.made, {"cloud_id": identity.id})
        return removed + Changes({"this machine": tuple(here)} if here else {}, removed.kept)

    def _remove_built(self) -> list[str]:
        """Remove what the builder made on this machine; not an error when nothing was built."""
        from kolla.images.remove import remove

        if not self.places.build_report.exists():
            return []
        tags = remove(self.report)
        self.places.build_report.unlink()
        return [f"removed image {tag}" for tag in tags]

    def _refuse_foreign_configuration(self, made: Sequence[Path]) -> None:
        path = self.config_directory / "globals.yml"
        if path.exists() and path not in made:
            raise InputError(
                f"{self.config_directory} was not made by kolla quickstart, so it is not removed",
                where=Location(path),
                hint="leave --config out, and remove it yourself if you mean it",
            )

    # -- asking hosts ------------------------------------------------------------------------

    def _each(self, request: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        """The same request to every host that is not left out."""
        return {host: request for host in self.hosts()}

    def remember(self, path: Path) -> None:
        """Note that the controller made a file, so that removing the cloud removes it."""
        made = read_json(self.places.made)
        made["files"] = sorted({*made.get("files", []), str(path)})
        made["cloud_id"] = passwords.load(self.config_directory).get(passwords.CLOUD_ID, Secret("")).reveal()
        write_json(self.places.made, made)

    def _cached_facts(self) -> dict[str, HostFacts]:
        cached = read_json(self.places.facts)
        return {h: HostFacts.model_validate(f) for h, f in cached.items() if h in self.inventory.hosts}

    def _facts(self) -> dict[str, HostFacts]:
        """Facts of every host: those known from earlier, and the answers of those that are not."""
        facts = self._cached_facts()
        unknown = [host for host in self.inventory.hosts if host not in facts]
        if unknown:
            facts |= self._remember_facts(self._observe({host: NOTHING_WANTED for host in unknown}))
        return facts

    def _remember_facts(self, observations: Mapping[str, Observation]) -> dict[str, HostFacts]:
        facts = {host: observation.facts for host, observation in observations.items()}
        cached = read_json(self.places.facts)
        known = cached | {host: f.model_dump(mode="json") for host, f in facts.items()}
        if known != cached:
            write_json(self.places.facts, known)
        return facts

    def _observe(self, questions: Mapping[str, Mapping[str, object]]) -> dict[str, Observation]:
        answers = self._executor("observe").ask("observe", questions)
        return {
            host: Observation.model_validate(
                {"facts": answer["facts"], "state": {"host": host, **answer["state"]}}
            )
            for host, answer in answers.items()
        }

    def _observed(self) -> tuple[Desired, dict[str, HostState]]:
        """The desired state and the hosts' states, from one question to each host.

        The question holds digests of rendered files, and rendering needs facts: those known from
        earlier serve, and only if the answer shows that they were out of date is it asked again.
        """
        facts = self._facts()
        report = self.report
        desired = desire(self.settings, report, facts)
        while True:
            questions = desired.questions()
            observations = self._observe({host: questions[host] for host in self.hosts()})
            facts |= self._remember_facts(observations)
            renewed = desire(self.settings, report, facts)
            if renewed.questions() == questions:
                break
            desired = renewed
        for host, observation in observations.items():
            if observation.state.engine is None:
                raise KollaError(
                    f"no container engine answers on host '{host}'", hint="run: kolla bootstrap-servers"
                )
        return renewed, {host: observation.state for host, observation in observations.items()}


SAMPLE_INVENTORY = Path(__file__).parent / "settings" / "all-in-one"


def owner(command: str) -> dict[str, object]:
    """Who is deploying, for the lease on each host (boot id: proc(5))."""
    return {
        "user": getpass.getuser(),
        "host": socket.gethostname(),
        "boot_id": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        "pid": os.getpid(),
        "command": command,
    }


def _passwords_written(path: Path, written: passwords.Written) -> Written:
    notes = [f"added {len(written.added)} passwords"] if written.added else []
    if written.mode_repaired:
        notes.append(f"{path} could be read by others; its mode is 0600 now")
    return Written((path,) if written.added else (), tuple(notes))


def _changes(answers: Mapping[str, Mapping[str, Any]]) -> Changes:
    return Changes(
        {host: tuple(answer["changes"]) for host, answer in answers.items() if answer["changes"]},
        {host: tuple(answer["kept"]) for host, answer in answers.items() if answer.get("kept")},
    )


def _verdict(state: HostState | None, name: str) -> dict[str, object]:
    container = state.containers.get(name) if state is not None else None
    if container is None:
        return {"ok": False, "message": "it does not exist", "hint": "run: kolla deploy"}
    if container.state != "running":
        return {"ok": False, "message": f"it is {container.state}", "hint": "run: kolla deploy"}
    ok = container.health != "unhealthy"
    return {
        "ok": ok,
        "message": container.health or "running",
        "hint": "" if ok else f"run: kolla logs {name}",
    }


__all__ = ["Cloud", "Event", "owner"]
