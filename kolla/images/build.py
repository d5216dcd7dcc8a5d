"""Building images: in parallel along the graph, only those whose inputs changed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kolla.build_report import BuildReport, BuiltImage, InputHashes
from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.model import ConfigOptions
from kolla.errors import InputError, KollaError
from kolla.events import Event, Listener, Status, ignore
from kolla.images import base, contents, option_schemas, sbom
from kolla.images.engine import Engine, Request, TookTooLong
from kolla.images.failure import explain, failing_line, known, may_pass
from kolla.images.graph import Node
from kolla.images.history import History
from kolla.images.identity import identity
from kolla.images.inputs import Inputs
from kolla.images.labels import REVISION
from kolla.images.packages import LIST_DIRECTORY
from kolla.images.preparation import Preparation
from kolla.images.processes import Cancelled
from kolla.images.retry import retried
from kolla.images.schedule import along
from kolla.images.selection import Scope, allowed_to_fail
from kolla.images.transport import secrets
from kolla.images.why import TAKEN, UNCHANGED, again
from kolla.images.workplace import alone
from kolla.places import Places
from kolla.settings.globals import Globals

PHASE = "build"

Ending = Literal["built", "unchanged", "failed", "skipped"]

UNUSABLE = ("failed", "skipped")
"""How an image ended that others cannot be built from."""

_EVENTS: Mapping[Ending, Status] = {
    "built": "done",
    "unchanged": "skipped",
    "failed": "failed",
    "skipped": "blocked",
}

_KEPT = (
    "identity",
    "inputs",
    "id",
    "install_type",
    "reference",
    "digest",
    "promoted",
    "size",
    "sbom",
    "sbom_sha256",
    "options",
    "options_sha256",
    "options_problem",
)
"""What the report keeps of an image that could not be built: what the last build that could made of it."""


def build(
    settings: Globals,
    catalogue: Catalogue,
    names: Sequence[str],
    state_directory: Path,
    *,
    refresh: bool = False,
    skip_parents: bool = False,
    skip_existing: bool = False,
    on_event: Listener = ignore,
) -> BuildReport:
    """Build the named images and those they are built from; all published ones without names.

    An image that fails does not stop the others, unless the settings say so (`build_keep_going`); its
    children are skipped. A fetch that failed is tried again. The report, also written
    to the state directory after every image, holds this run's images and those of earlier runs, which
    are `unchanged`; what an earlier run made of a `failed` or `skipped` image stays in use. `refresh`
    takes the newest packages for the named images (without names, for all) and rewrites the package
    lock. `skip_parents` takes what the named images are built from as the engine has it,
    `skip_existing` every image whose tag it has. InputError before anything is run; KollaError without
    engine.
    """
    with alone(state_directory):
        prepared = Preparation.of(
            settings,
            catalogue,
            names,
            state_directory,
            refresh=refresh,
            skip_parents=skip_parents,
            skip_existing=skip_existing,
            on_event=on_event,
        )
        may_fail = allowed_to_fail(prepared.inputs.graph, settings)
        return _Run(
            prepared.inputs,
            prepared.engine,
            prepared.history,
            prepared.scope,
            prepared.refresh,
            may_fail,
            option_schemas.wanted(catalogue),
            on_event,
        ).run()


@dataclass(frozen=True)
class _Made:
    """What the engine made of an image's inputs."""

    image: str
    """Its ID."""
    identity: str
    inputs: InputHashes | None


@dataclass
class _Run:
    """One run of the builder."""

    inputs: Inputs
    engine: Engine
    history: History
    scope: Scope
    refresh: frozenset[str]
    """Images that take the newest packages instead of the locked ones."""
    may_fail: frozenset[str]
    """Images that may fail without failing the run."""
    option_words: Mapping[str, ConfigOptions]
    """Images whose configuration options are wanted -> what service.yml says of these."""
    on_event: Listener
    done: dict[str, BuiltImage] = field(default_factory=dict)

    def __post_init__(self) -> None:
        options = self.inputs.options
        self.secrets = secrets(options.transport, options.distribution)
        self.aside = self.history.aside(self.inputs.graph, self.scope.reached)
        self.space_known = False
        self.given_up = False

    def run(self) -> BuildReport:
        """Build everything of the graph, each image as soon as what it needs is there."""
        scope = self.scope
        began = time.monotonic()
        self.on_event(Event(PHASE, "started", total=len(scope.reached)))
        nodes = {name: node for name, node in self.inputs.graph.nodes.items() if name in scope.reached}
        needs = {name: () if name in scope.taken else node.needs for name, node in nodes.items()}
        along(needs, self._image, self._finish, self.engine.cancel, self.inputs.options.threads)
        failed = any(image.fails_the_build for image in self.done.values())
        seconds = time.monotonic() - began
        self.on_event(Event(PHASE, "failed" if failed else "done", seconds=seconds))
        return self.history.report

    def _image(self, name: str) -> BuiltImage:
        """One image, made or found; raises only what is not this image's fault alone."""
        began = time.monotonic()
        log = Places(self.history.state_directory).logs / "build" / f"{name}.log"
        if name in self.scope.taken:
            return self._present(name, TAKEN, _Made(*self.history.taken(self.inputs, name)))
        missing = [need for need in self._node(name).needs if self.done[need].status in UNUSABLE]
        if missing:
            return self._ended(name, "skipped", f"{' and '.join(missing)} could not be built")
        fresh = name in self.refresh
        reason = self.history.why(self.inputs, name, self._identities(), refresh=fresh)
        if not reason:
            earlier = self.history.report.image(name)
            return self._present(name, UNCHANGED, _Made(earlier.id or "", earlier.identity, earlier.inputs))
        if not fresh and (made := self.history.again(self.inputs, name, self._identities())):
            return self._present(name, again(reason), _Made(*made))
        if self.given_up:
            return self._ended(name, "skipped", "another image could not be built (build_keep_going)")
        self.on_event(Event(PHASE, "started", name, message=reason))
        log.unlink(missing_ok=True)  # of an earlier build, which failed for other reasons
        try:
            found = self._found(name, self._persistently(name, log))
        except (InputError, Cancelled):
            raise
        except (KollaError, OSError) as error:
            return self._failed(name, reason, known(error), began=began, log=log)
        return self._ended(name, "built", reason, found=found, began=began, log=log)

    def _present(self, name: str, why: str, made: _Made) -> BuiltImage:
        """An image that is there already; failed when what the report says of it cannot be found out."""
        try:
            found = self._found(name, made)
        except (InputError, Cancelled):
            raise
        except (KollaError, OSError) as error:
            return self._failed(name, why, known(error))
        return self._ended(name, "unchanged", why, found=found)

    def _failed(
        self, name: str, why: str, error: KollaError, *, began: float | None = None, log: Path | None = None
    ) -> BuiltImage:
        message, lines = explain(name, error, _text(log), log) if log else (str(error), ())
        if name not in self.may_fail and not self.inputs.options.keep_going:
            self.given_up = True
        line = failing_line(error, _text(log) if log else "")
        ended = self._ended(name, "failed", why, began=began, log=log, message=message, tail=lines)
        return ended.model_copy(update={"error": line})

    def _persistently(self, name: str, log: Path) -> _Made:
        """Build an image, again when a fetch failed. The log holds all tries."""
        written = 0

        def attempt() -> _Made:
            nonlocal written
            written = len(_text(log))
            return self._make(name, log)

        return retried(
            attempt,
            self.inputs.options.retries,
            # What a registry says of the base is in no log.
            worthwhile=lambda error: (
                not isinstance(error, TookTooLong)
                and (may_pass(_text(log)[written:]) or may_pass(error.what))
            ),
            on_retry=lambda number, error: self.on_event(
                Event(PHASE, "started", name, message=f"try {number}, because a fetch failed")
            ),
            pause=self.engine.processes.wait,
        )

    def _make(self, name: str, log: Path) -> _Made:
        """Build an image."""
        self._require_space()
        if self._node(name).image.parent is None:
            self._make_base(name, log)
        locked = () if name in self.refresh else self.history.lock.entry(self._node(name).packages_key)
        references = {need: image.reference or "" for need, image in dict(self.done).items()}
        request = Request(
            dockerfile=self.inputs.dockerfile(name, references, self.history.base),
            context=self.inputs.context(name, self.history.base, locked=locked),
            secrets=self.inputs.with_repositories(name, self.secrets),
            arguments=self.inputs.options.transport.proxies,
            log=log,
            timeout=self.inputs.options.timeout,
            labels={REVISION: identity(self._inputs(name, ()))},
            use_cache=name not in self.refresh,
        )
        image = self.engine.build(request)
        packages = contents.read_file(self.engine, image, f"{LIST_DIRECTORY}/{name}")
        locked = self.history.lock.record(self._node(name).packages_key, packages.splitlines())
        inputs = self._inputs(name, locked)
        return _Made(image, identity(inputs), inputs)

    def _make_base(self, name: str, log: Path) -> None:
        history = self.history
        if name in self.refresh:
            history.base = None
        if history.base is None or not history.base.at_hand:
            options, directory = self.inputs.options, history.state_directory
            history.base = base.make(options, directory, self.engine, log, expected=history.base)

    def _inputs(self, name: str, packages: Sequence[str]) -> InputHashes:
        return self.inputs.hashes(name, self._identities(), self.history.base, packages)

    def _identities(self) -> dict[str, str]:
        return {**self.aside, **{name: image.identity for name, image in dict(self.done).items()}}

    def _node(self, name: str) -> Node:
        return self.inputs.graph.nodes[name]

    def _require_space(self) -> None:
        if not self.space_known:
            self.engine.require_space(self.history.state_directory)
            self.space_known = True

    def _ended(
        self,
        name: str,
        status: Ending,
        why: str,
        *,
        found: Mapping[str, Any] | None = None,
        began: float | None = None,
        log: Path | None = None,
        message: str = "",
        tail: tuple[str, ...] = (),
    ) -> BuiltImage:
        """Tell how an image ended, and describe it for the report by what was `found` of it; one that could
        not be built is what the last run that could made of it."""
        seconds = time.monotonic() - began if began else 0.0
        said = message or (why if status in ("skipped", "unchanged") else status)
        self.on_event(Event(PHASE, _EVENTS[status], name, seconds=seconds, message=said, log=tail))
        node = self._node(name)
        ended = BuiltImage(
            name=name,
            status=status,
            identity="",
            why=why,
            parent=node.image.parent,
            seconds=round(seconds, 1),
            log=str(log) if log and log.exists() else None,
            published=node.image.published,
            may_fail=name in self.may_fail or (status == "skipped" and self._excused(name)),
        )
        if found is not None:
            return ended.model_copy(update=found)
        earlier = self.history.report.images.get(name)
        if earlier is not None:
            return ended.model_copy(update={key: getattr(earlier, key) for key in _KEPT})
        return ended

    def _excused(self, name: str) -> bool:
        """Whether all that an image lacks to be built was allowed to fail."""
        return not any(self.done[need].fails_the_build for need in self._node(name).needs)

    def _found(self, name: str, made: _Made) -> dict[str, Any]:
        """What the report says of an image that is there. When all of it is found, it gets both its tags."""
        earlier = self.history.report.images.get(name)
        reference = self.inputs.options.reference(name, made.identity)
        kept = earlier is not None and (earlier.id, earlier.reference) == (made.image, reference)
        found = {
            "identity": made.identity,
            "inputs": made.inputs,
            "id": made.image,
            "install_type": self.inputs.options.install_type,
            "reference": reference,
            "digest": earlier.digest if earlier and kept else None,
            "promoted": earlier.promoted if earlier and kept else None,
            "size": self.engine.size(made.image),
            **self._bill(name, made),
            **self._options(name, made),
        }
        for tag in (reference, self.inputs.options.reference(name)):
            if tag not in self.history.present.get(made.image, ()):
                self.engine.tag(made.image, tag)
        return found

    def _bill(self, name: str, made: _Made) -> dict[str, str]:
        """What the report says of the bill of materials of a published image."""
        if not self._node(name).image.published:
            return {}
        directory = self.history.state_directory
        bill = sbom.written(Places(directory).bills, name, made.identity, made.image, self.engine)
        return {"sbom": str(bill.path.relative_to(directory)), "sbom_sha256": bill.sha256}

    def _options(self, name: str, made: _Made) -> dict[str, str]:
        """What the report says of the configuration options of an image that containers read them in."""
        if name not in self.option_words:
            return {}
        words, directory = self.option_words[name], self.history.state_directory
        return option_schemas.reported(name, made.identity, made.image, words, self.engine, directory)

    def _finish(self, image: BuiltImage) -> None:
        self.done[image.name] = image
        self.history.keep(image)


def _text(log: Path) -> str:
    """What a log holds; nothing when nothing was run yet."""
    return log.read_text(errors="replace") if log.exists() else ""
