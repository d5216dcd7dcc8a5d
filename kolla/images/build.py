"""Building images: in parallel along the graph, only those whose identity changed."""

from __future__ import annotations

import fcntl
import graphlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kolla.build_report import BuildReport, BuiltImage
from kolla.catalogue.catalogue import Catalogue
from kolla.errors import InputError, KollaError
from kolla.events import Event, Listener, Status, ignore
from kolla.images import base
from kolla.images.engine import Engine, Request, connect
from kolla.images.graph import Graph, Node
from kolla.images.inputs import Inputs
from kolla.images.labels import REVISION
from kolla.images.options import Options
from kolla.images.packages import LIST_DIRECTORY, PackageLock
from kolla.images.selection import Scope, allowed_to_fail
from kolla.images.transport import secrets
from kolla.places import Places
from kolla.settings.globals import Globals

PHASE = "build"
TAIL = 15
"""Lines of a failed image's log that go into its event."""

Ending = Literal["built", "unchanged", "failed", "skipped"]

UNUSABLE = ("failed", "skipped")
"""How an image ended that others cannot be built from."""

_EVENTS: Mapping[Ending, Status] = {
    "built": "done",
    "unchanged": "skipped",
    "failed": "failed",
    "skipped": "blocked",
}


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

    An image that fails does not stop the others; its children are skipped. The report, also written
    to the state directory after every image, holds this run's images and those of earlier runs, which
    are `unchanged`; what an earlier run made of a `failed` or `skipped` image stays in use. `refresh`
    takes the newest packages for the named images (without names, for all) and rewrites the package
    lock. `skip_parents` takes what the named images are built from as the engine has it,
    `skip_existing` every image whose tag it has. InputError before anything is run; KollaError without
    engine.
    """
    graph = Graph.of(catalogue).select(names)
    inputs = Inputs.of(graph, Options.of(settings))
    fresh = frozenset(names or graph.nodes) if refresh else frozenset()
    may_fail = allowed_to_fail(graph, settings)
    with _alone(state_directory):
        run = _Run(inputs, connect(inputs.options.engine), state_directory, fresh, may_fail, on_event)
        named = names or [name for name, node in graph.nodes.items() if node.image.published]
        run.scope = Scope.of(graph, named, run.there, skip_parents=skip_parents, skip_existing=skip_existing)
        return run.run()


@contextmanager
def _alone(state_directory: Path) -> Iterator[None]:
    with (state_directory / "build.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"another build works in {state_directory}"
            raise KollaError(message, hint="wait until it is done") from None
        yield


@dataclass
class _Run:
    """One run of the builder."""

    inputs: Inputs
    engine: Engine
    state_directory: Path
    refresh: frozenset[str]
    """Images that take the newest packages instead of the locked ones."""
    may_fail: frozenset[str]
    """Images that may fail without failing the run."""
    on_event: Listener
    done: dict[str, BuiltImage] = field(default_factory=dict)

    def __post_init__(self) -> None:
        options = self.inputs.options
        self.lock = PackageLock.of(self.state_directory, options.distribution.name)
        self.secrets = secrets(options.transport, options.distribution)
        self.present = self.engine.images()
        by_tag = {tag: image for image, tags in self.present.items() for tag in tags}
        nodes = self.inputs.graph.nodes
        self.there = {n: by_tag[tag] for n in nodes if (tag := options.reference(n)) in by_tag}
        self.scope = Scope(frozenset(nodes), frozenset())
        self.report = self._earlier()
        self.base = base.recorded(options, self.state_directory)
        self.space_known = False

    def run(self) -> BuildReport:
        """Build everything of the graph, each image as soon as what it needs is there."""
        scope = self.scope
        began = time.monotonic()
        self.on_event(Event(PHASE, "started", total=len(scope.reached)))
        needs = {name: () if name in scope.taken else self._node(name).needs for name in scope.reached}
        sorter = graphlib.TopologicalSorter(needs)
        sorter.prepare()
        running: dict[Future[BuiltImage], str] = {}
        with ThreadPoolExecutor(self.inputs.options.threads) as pool:
            try:
                while sorter.is_active():
                    for name in sorter.get_ready():
                        running[pool.submit(self._image, name)] = name
                    finished, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        self._finish(future.result())
                        sorter.done(running.pop(future))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.engine.cancel()
                raise
        failed = any(image.fails_the_build for image in self.done.values())
        seconds = time.monotonic() - began
        self.on_event(Event(PHASE, "failed" if failed else "done", seconds=seconds))
        return self.report

    def _image(self, name: str) -> BuiltImage:
        """One image, made or found; raises only what is not this image's fault alone."""
        began = time.monotonic()
        log = Places(self.state_directory).logs / "build" / f"{name}.log"
        if name in self.scope.taken:
            return self._taken(name)
        missing = [need for need in self._node(name).needs if self.done[need].status in UNUSABLE]
        if missing:
            reason = f"{' and '.join(missing)} could not be built"
            return self._ended(name, "skipped", message=reason)
        earlier = self._unchanged(name)
        if earlier is not None:
            return self._ended(name, "unchanged", earlier.identity, earlier.id)
        self.on_event(Event(PHASE, "started", name))
        log.unlink(missing_ok=True)  # of an earlier build, which failed for other reasons
        try:
            identity, image = self._make(name, log)
        except InputError:
            raise
        except KollaError as error:
            message, lines = explain(name, error, log)
            return self._ended(name, "failed", began=began, log=log, message=message, tail=lines)
        return self._ended(name, "built", identity, image, began=began, log=log)

    def _taken(self, name: str) -> BuiltImage:
        """An image as the engine has it. One that was not built here stands for itself: its ID is its
        identity."""
        image, earlier = self.there[name], self.report.images.get(name)
        known = earlier is not None and earlier.id == image
        identity = earlier.identity if earlier and known else image.removeprefix("sha256:")
        return self._ended(name, "unchanged", identity, image, message="taken as it is")

    def _unchanged(self, name: str) -> BuiltImage | None:
        """The image of an earlier run, if its inputs are the same and the engine still has it."""
        earlier = self.report.images.get(name)
        if name in self.refresh or earlier is None or earlier.id not in self.present:
            return None
        if self.base is None and self._node(name).image.parent is None:
            return None
        return earlier if self._identity(name, self.lock.entry(name)) == earlier.identity else None

    def _make(self, name: str, log: Path) -> tuple[str, str]:
        """Build an image; gives back its identity and ID."""
        self._require_space()
        if self._node(name).image.parent is None:
            self._make_base(name, log)
        locked = () if name in self.refresh else self.lock.entry(name)
        references = {need: image.reference or "" for need, image in dict(self.done).items()}
        request = Request(
            dockerfile=self.inputs.dockerfile(name, references, self.base),
            context=self.inputs.context(name, self.base, locked=locked),
            secrets=self.secrets,
            arguments=self.inputs.options.transport.proxies,
            log=log,
            timeout=self.inputs.options.timeout,
            labels={REVISION: self._identity(name, ())},
            use_cache=name not in self.refresh,
        )
        image = self.engine.build(request)
        packages = self.engine.read_file(image, f"{LIST_DIRECTORY}/{name}") or ""
        return self._identity(name, self.lock.record(name, packages.splitlines())), image

    def _make_base(self, name: str, log: Path) -> None:
        if name in self.refresh:
            self.base = None
        if self.base is None or not self.base.at_hand:
            options = self.inputs.options
            self.base = base.make(options, self.state_directory, self.engine, log, expected=self.base)

    def _identity(self, name: str, packages: Sequence[str]) -> str:
        identities = {need: image.identity for need, image in dict(self.done).items()}
        return self.inputs.identity(name, identities, self.base, packages)

    def _node(self, name: str) -> Node:
        return self.inputs.graph.nodes[name]

    def _require_space(self) -> None:
        if not self.space_known:
            self.engine.require_space(self.state_directory)
            self.space_known = True

    def _ended(
        self,
        name: str,
        status: Ending,
        identity: str = "",
        image: str | None = None,
        *,
        began: float | None = None,
        log: Path | None = None,
        message: str = "",
        tail: tuple[str, ...] = (),
    ) -> BuiltImage:
        """Tell how an image ended, and describe it for the report; one that could not be built is what
        the last run that could made of it."""
        seconds = time.monotonic() - began if began else 0.0
        event = Event(PHASE, _EVENTS[status], name, seconds=seconds, message=message or status, log=tail)
        self.on_event(event)
        node = self._node(name)
        built = BuiltImage(
            name=name,
            status=status,
            identity=identity,
            parent=node.image.parent,
            seconds=round(seconds, 1),
            log=str(log) if log and log.exists() else None,
            published=node.image.published,
            may_fail=name in self.may_fail or (status == "skipped" and self._excused(name)),
        )
        earlier = self.report.images.get(name)
        found: dict[str, Any] = {}
        if image is not None:
            reference = self._tag(name, image, identity)
            kept = earlier is not None and (earlier.id, earlier.reference) == (image, reference)
            found = {
                "id": image,
                "reference": reference,
                "digest": earlier.digest if earlier and kept else None,
                "promoted": earlier.promoted if earlier and kept else None,
                "size": self.engine.size(image),
            }
        elif earlier is not None:
            found = earlier.model_dump(include={"identity", "id", "reference", "digest", "promoted", "size"})
        return built.model_copy(update=found)

    def _excused(self, name: str) -> bool:
        """Whether all that an image lacks to be built was allowed to fail."""
        return not any(self.done[need].fails_the_build for need in self._node(name).needs)

    def _tag(self, name: str, image: str, identity: str) -> str:
        """Have both tags on an image; gives back the unique one."""
        options = self.inputs.options
        reference = options.reference(name, identity)
        for tag in (reference, options.reference(name)):
            if tag not in self.present.get(image, ()):
                self.engine.tag(image, tag)
        return reference

    def _finish(self, image: BuiltImage) -> None:
        self.done[image.name] = image
        self.report = self.report.model_copy(update={"images": {**self.report.images, image.name: image}})
        self.report.save(Places(self.state_directory).build_report)

    def _earlier(self) -> BuildReport:
        """What earlier runs built, if the last report is for the same release and base."""
        options = self.inputs.options
        release, name = options.release, options.distribution.name
        path = Places(self.state_directory).build_report
        earlier = BuildReport.load(path) if path.exists() else None
        images = earlier.images if earlier and (earlier.release, earlier.base) == (release, name) else {}
        known = {
            n: image.model_copy(
                update={"status": "unchanged", "seconds": 0.0, "log": None, "may_fail": False}
            )
            for n, image in images.items()
            if image.id
        }
        return BuildReport(release=release, base=name, images=known)


def explain(name: str, error: KollaError, log: Path) -> tuple[str, tuple[str, ...]]:
    """Why an image could not be built, in one message, and the last lines of its log, if it has one."""
    if not log.exists():
        return str(error), ()
    text = log.read_text(errors="replace")
    vanished = ", ".join(dict.fromkeys(re.findall(r"kolla: vanished: (\S+)", text)))
    if vanished:
        cause = f"the package mirror no longer has {vanished}; run: kolla build --refresh {name}"
    else:
        cause = str(error)
    return f"{cause}; log: {log}", tail(text)


def tail(text: str) -> tuple[str, ...]:
    """The last lines that programs printed in a build log (`#7 1.234 line`), or else its last lines."""
    printed = re.findall(r"^#\d+ \d+\.\d+ (.*)$", text, re.MULTILINE)
    return tuple((printed or text.splitlines())[-TAIL:])
