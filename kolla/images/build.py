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

from kolla.build_report import BuildReport, BuiltImage
from kolla.catalogue.catalogue import Catalogue
from kolla.errors import InputError, KollaError
from kolla.events import Event, Listener, Status, ignore
from kolla.images import base
from kolla.images.engine import Engine, Request
from kolla.images.graph import Graph
from kolla.images.inputs import Inputs
from kolla.images.options import Options, Values
from kolla.images.packages import LIST_DIRECTORY, PackageLock
from kolla.images.transport import secrets
from kolla.places import Places, write_private

PHASE = "build"
TAIL = 15
"""Lines of a failed image's log that go into its event."""

_EVENTS: Mapping[str, Status] = {
    "built": "done",
    "unchanged": "skipped",
    "failed": "failed",
    "skipped": "blocked",
}


def build(
    settings: Values,
    catalogue: Catalogue,
    names: Sequence[str],
    state_directory: Path,
    *,
    refresh: bool = False,
    on_event: Listener = ignore,
) -> BuildReport:
    """Build the named images and those they are built from; all published ones without names.

    An image that fails does not stop the others; its children are skipped. The report, also written
    to the state directory after every image, holds this run's images and those of earlier runs that
    exist: `failed` and `skipped` are of this run. `refresh` takes the newest packages and rewrites
    the package lock. InputError before anything is run; KollaError without engine or space.
    """
    options = Options.of(settings)
    graph = Graph.of(catalogue)
    inputs = Inputs.of(graph.select(names), options)
    with _alone(state_directory):
        return _Run(inputs, Engine.connect(), state_directory, refresh, on_event).run()


@contextmanager
def _alone(state_directory: Path) -> Iterator[None]:
    with (state_directory / "build.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise KollaError(f"another build works in {state_directory}", hint="wait until it is done") from None
        yield


@dataclass
class _Run:
    """One run of the builder."""

    inputs: Inputs
    engine: Engine
    state_directory: Path
    refresh: bool
    on_event: Listener
    done: dict[str, BuiltImage] = field(default_factory=dict)

    def __post_init__(self) -> None:
        options = self.inputs.options
        self.lock = PackageLock.of(self.state_directory, options.distribution.name)
        self.secrets = secrets(options.transport, options.distribution)
        self.present = self.engine.images()
        self.report = self._earlier()
        self.base = None if self.refresh else base.recorded(options, self.state_directory)
        self.space_known = False

    def run(self) -> BuildReport:
        """Build everything of the graph, each image as soon as what it needs is there."""
        nodes = self.inputs.graph.nodes
        began = time.monotonic()
        self.on_event(Event(PHASE, "started", total=len(nodes)))
        sorter = graphlib.TopologicalSorter({name: node.needs for name, node in nodes.items()})
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
        failed = any(image.status in ("failed", "skipped") for image in self.done.values())
        seconds = time.monotonic() - began
        self.on_event(Event(PHASE, "failed" if failed else "done", seconds=seconds))
        return self.report

    def _image(self, name: str) -> BuiltImage:
        """One image, made or found; never raises for what is only this image's fault."""
        began = time.monotonic()
        node = self.inputs.graph.nodes[name]
        missing = [need for need in node.needs if self.done[need].id is None]
        if missing:
            return self._built(name, "skipped", "", message=f"{' and '.join(missing)} could not be built")
        log = self.state_directory / "logs" / "build" / f"{name}.log"
        try:
            found = self._unchanged(name)
            if found is not None:
                return found
            self.on_event(Event(PHASE, "started", name))
            identity, image = self._make(name, log)
        except InputError:
            raise
        except KollaError as error:
            return self._failed(name, error, log, time.monotonic() - began)
        return self._built(name, "built", identity, image, log, time.monotonic() - began)

    def _unchanged(self, name: str) -> BuiltImage | None:
        """The image of an earlier run, if its inputs are the same and the engine still has it."""
        earlier = self.report.images.get(name)
        if self.refresh or earlier is None or earlier.id not in self.present:
            return None
        if self.base is None and self.inputs.graph.nodes[name].image.parent is None:
            return None
        identity = self._identity(name, self.lock.entry(name))
        if identity != earlier.identity:
            return None
        return self._built(name, "unchanged", identity, earlier.id, digest=earlier.digest)

    def _make(self, name: str, log: Path) -> tuple[str, str]:
        """Build an image; gives back its identity and ID."""
        self._require_space()
        is_root = self.inputs.graph.nodes[name].image.parent is None
        if is_root and (self.base is None or not self.base.at_hand):
            self.base = base.make(
                self.inputs.options, self.state_directory, self.engine, log, expected=self.base
            )
        locked = () if self.refresh else self.lock.entry(name)
        references = {need: image.reference or "" for need, image in dict(self.done).items()}
        request = Request(
            dockerfile=self.inputs.dockerfile(name, references, self.base),
            context=self.inputs.context(name, self.base, locked=locked),
            secrets=self.secrets,
            arguments=self.inputs.options.transport.proxies,
            log=log,
            timeout=self.inputs.options.timeout,
            use_cache=not self.refresh,
        )
        image = self.engine.build(request)
        packages = self.engine.read_file(image, f"{LIST_DIRECTORY}/{name}") or ""
        return self._identity(name, self.lock.record(name, packages.splitlines())), image

    def _identity(self, name: str, packages: Sequence[str]) -> str:
        identities = {need: image.identity for need, image in dict(self.done).items()}
        return self.inputs.identity(name, identities, self.base, packages)

    def _require_space(self) -> None:
        if not self.space_known:
            self.engine.require_space(self.state_directory)
            self.space_known = True

    def _built(
        self,
        name: str,
        status: str,
        identity: str,
        image: str | None = None,
        log: Path | None = None,
        seconds: float = 0.0,
        digest: str | None = None,
        message: str = "",
        tail: tuple[str, ...] = (),
    ) -> BuiltImage:
        """Name a finished image, tell about it, and describe it for the report."""
        node, options = self.inputs.graph.nodes[name], self.inputs.options
        reference = options.reference(name, identity) if image else None
        if image and reference:
            for tag in (reference, options.reference(name)):
                if tag not in self.present.get(image, ()):
                    self.engine.tag(image, tag)
        self.on_event(Event(PHASE, _EVENTS[status], name, seconds=seconds, message=message or status, log=tail))
        return BuiltImage.model_validate(
            {
                "name": name,
                "status": status,
                "identity": identity,
                "id": image,
                "reference": reference,
                "digest": digest,
                "parent": node.image.parent,
                "size": self.engine.size(image) if image else None,
                "seconds": round(seconds, 1),
                "log": str(log) if log else None,
                "published": node.image.published,
            }
        )

    def _failed(self, name: str, error: KollaError, log: Path, seconds: float) -> BuiltImage:
        text = log.read_text(errors="replace") if log.exists() else ""
        vanished = re.findall(r"kolla: vanished: (\S+)", text)
        message = str(error)
        if vanished:
            message = (
                f"the package mirror no longer has {', '.join(dict.fromkeys(vanished))}; "
                f"run: kolla build --refresh {name}"
            )
        return self._built(
            name, "failed", "", log=log, seconds=seconds, message=f"{message}; log: {log}", tail=tail(text)
        )

    def _finish(self, image: BuiltImage) -> None:
        self.done[image.name] = image
        self.report = self.report.model_copy(update={"images": {**self.report.images, image.name: image}})
        path = Places(self.state_directory).build_report
        write_private(path, self.report.model_dump_json(indent=2) + "\n")

    def _earlier(self) -> BuildReport:
        """The images of the last report that exist, if it was for the same release and base."""
        options = self.inputs.options
        release, name = options.release, options.distribution.name
        path = Places(self.state_directory).build_report
        earlier = BuildReport.load(path) if path.exists() else None
        images = earlier.images if earlier and (earlier.release, earlier.base) == (release, name) else {}
        return BuildReport(
            release=release, base=name, images={n: image for n, image in images.items() if image.id}
        )


def tail(text: str) -> tuple[str, ...]:
    """The last lines that programs printed in a build log (`#7 1.234 line`), or else its last lines."""
    printed = re.findall(r"^#\d+ \d+\.\d+ (.*)$", text, re.MULTILINE)
    return tuple((printed or text.splitlines())[-TAIL:])
