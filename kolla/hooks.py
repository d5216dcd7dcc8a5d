"""Finding and running the operator's own programs around a verb (`kolla.state.hook`)."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kolla.ansible import environment
from kolla.configuration import Configuration
from kolla.errors import InputError, KollaError, Location, LockedError
from kolla.events import Event, Listener
from kolla.state import hook as hooks
from kolla.state.hook import Hook
from kolla.state.plan import Plan

DIRECTORY = "hooks"
"""Below the configuration directory."""

LOG_LINES = 20


class Hooks:
    """The hooks of a configuration. Without the directory there are none, and nothing is read."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._directory = configuration.directory / DIRECTORY
        self._prepared: set[str] = set()
        """Those that ran before a verb which then had to wait for another deployer, and tries again."""
        self._waiting: tuple[str, Plan, Listener] | None = None
        """That verb."""

    def planned(self, verb: str, plan: Plan, *, also: Collection[str] = (), everything: bool = False) -> Plan:
        """The plan with the hooks that `verb` runs for it; those of the services `also`, or of all
        (`everything`), whatever is in the plan.

        InputError for a file that no verb runs, or that nobody can run.
        """
        if not (plan or everything) or not self._directory.is_dir():
            return plan
        services = list(self._configuration.catalogue.folders)
        verbs = (*hooks.VERBS, *self._configuration.catalogue.verbs)
        files = [str(path.relative_to(self._directory)) for path in self._files()]
        for path in files:
            self._check(path, services, verbs)
        planned = {operation.service for operation in plan.operations}
        concerned = set(services) if everything else planned.union(also)
        due = hooks.chosen(files, _verb(verb), concerned, services, verbs)
        return plan.model_copy(
            update={"hooks": tuple(Hook(moment=m, path=p, sha256=self._digest(p)) for m, p in due)}
        )

    @contextmanager
    def before(self, verb: str, plan: Plan, progress: Listener) -> Iterator[None]:
        """Run what comes before a verb, then the verb, and after an error what is for failures.

        KollaError when one before it fails: before anything.
        """
        self._waiting = None
        try:
            for hook in plan.hooks:
                if hook.moment == "pre" and hook.path not in self._prepared:
                    self._run(hook, verb, plan, progress, "nothing was touched")
                    self._prepared.add(hook.path)
            yield
        except LockedError:
            self._waiting = (verb, plan, progress)  # it may be tried again, and was prepared
            raise
        except BaseException:
            self.failed(verb, plan, progress)
            raise
        self._prepared.clear()

    def after(self, verb: str, plan: Plan, progress: Listener) -> None:
        """Run what comes after a verb that succeeded. KollaError when one fails."""
        for hook in plan.hooks:
            if hook.moment == "post":
                self._run(hook, verb, plan, progress, f"the {verb} itself is done")

    def failed(self, verb: str, plan: Plan, progress: Listener) -> None:
        """Run what comes after a verb that failed. One that fails itself is told as an event: it is not to
        hide why the verb did."""
        self._prepared.clear()
        for hook in plan.hooks:
            if hook.moment == "failed":
                with suppress(KollaError):
                    self._run(hook, verb, plan, progress, f"the {verb} had failed")

    @contextmanager
    def giving_up(self) -> Iterator[None]:
        """Around all tries of a verb that waits for another deployer: it fails when that was in vain."""
        try:
            yield
        except LockedError:
            waiting, self._waiting = self._waiting, None
            if waiting is not None:
                self.failed(*waiting)
            raise

    def _files(self) -> Iterator[Path]:
        """What is in the directory, hidden files, backups and texts for people aside."""
        for path in sorted(self._directory.rglob("*")):
            aside = path.name.startswith((".", "README")) or path.name.endswith(("~", ".md", ".log"))
            if path.is_file() and not aside:
                yield path

    def _check(self, path: str, services: list[str], verbs: tuple[str, ...]) -> None:
        file = self._directory / path
        if hooks.occasion(path, services, verbs) is None:
            near = hooks.meant(path, services, verbs)
            raise InputError(
                "no verb runs this file",
                where=Location(file),
                expected="pre-, post- or failed-, a verb, perhaps a service: pre-deploy.yml, "
                f"post-stop-keystone.sh, pre-deploy.d/10-x; the verbs are {', '.join(verbs)}",
                hint=f"did you mean '{near}'?" if near else None,
            )
        if not file.name.endswith(hooks.PLAYBOOKS) and not os.access(file, os.X_OK):
            raise InputError(
                "this hook is neither a playbook (.yml) nor executable",
                where=Location(file),
                hint=f"chmod +x {file}",
            )

    def _digest(self, path: str) -> str:
        return hashlib.sha256((self._directory / path).read_bytes()).hexdigest()

    def _run(self, hook: Hook, verb: str, plan: Plan, progress: Listener, touched: str) -> None:
        file = self._directory / hook.path
        if not file.is_file() or self._digest(hook.path) != hook.sha256:
            raise InputError(
                f"this hook has changed since the plan was made; {touched}",
                where=Location(file),
                hint="make the plan again: kolla plan",
            )
        subject, begin = f"hook {hook.path}", time.monotonic()
        progress(Event(verb, "started", subject))
        log = self._configuration.places.directory / DIRECTORY / f"{hook.path.replace('/', '-')}.log"
        log.parent.mkdir(exist_ok=True, mode=0o700)
        status = self._execute(hook, file, verb, plan, log)
        seconds = time.monotonic() - begin
        if status == 0:
            progress(Event(verb, "done", subject, seconds=seconds))
            return
        last = tuple(log.read_text(errors="replace").splitlines()[-LOG_LINES:])
        progress(Event(verb, "failed", subject, seconds=seconds, message=f"exit status {status}", log=last))
        raise KollaError(
            f"the hook ended with exit status {status}; {touched}",
            where=Location(file),
            hint=f"what it said is in {log}",
        )

    def _execute(self, hook: Hook, file: Path, verb: str, plan: Plan, log: Path) -> int:
        """Its exit status; what it prints goes to `log`."""
        with tempfile.TemporaryDirectory(prefix="kolla-") as name, log.open("wb") as output:
            kept = Path(name) / "plan.json"
            plan.save(kept)
            told = {"KOLLA_VERB": verb, "KOLLA_CLOUD": plan.cloud_name, "KOLLA_PLAN": str(kept)}
            if hook.playbook:
                command = environment.command("ansible-playbook", self._configuration.sources)
                command += ["--extra-vars", json.dumps({key.lower(): value for key, value in told.items()})]
                if self._configuration.limit:
                    command += ["--limit", ",".join(self._configuration.hosts())]
                environ = environment.variables() | {"ANSIBLE_STDOUT_CALLBACK": "default"}
            else:
                command, environ = [], dict(os.environ)
            return subprocess.run(
                [*command, str(file.absolute())],
                env=environ | told,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode


def _verb(verb: str) -> str:
    return "deploy" if verb == "reconfigure" else verb
