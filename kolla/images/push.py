"""Pushing what was built to the registry of the settings, several images at a time.

Two steps: every image under the tag only it has, then, when all of them are there, the tags that move.
So whoever pulls by a moving tag never gets half of one build and half of another.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from kolla.build_report import BuildReport, BuiltImage
from kolla.errors import InputError, KollaError
from kolla.events import Event, Listener, ignore
from kolla.images.engine import Engine, connect
from kolla.images.options import Options
from kolla.images.registry import Registry, RegistryError
from kolla.images.retry import retried
from kolla.images.workplace import alone
from kolla.places import Places
from kolla.secret import Secret
from kolla.settings.globals import Globals

Action = Callable[[BuiltImage], BuiltImage]


def push(
    settings: Globals,
    passwords: Mapping[str, Secret],
    report: BuildReport,
    state_directory: Path,
    names: Collection[str] | None = None,
    *,
    on_event: Listener = ignore,
) -> BuildReport:
    """Push every published image of `report`, or of those in `names`, that the registry was not given yet,
    under the tag only it has.

    An image that was built for another registry is named for this one first; one of another install type
    than the settings say is left out. Gives back the report with digests, written to the state directory as
    well, also when not all could be pushed. InputError when no registry is set; one KollaError for all that
    could not be pushed.
    """
    work = _Pushes.of("push", settings, passwords, on_event)
    published = work.published(_meant(report, names))

    def give(image: BuiltImage) -> BuiltImage:
        assert image.id and image.reference, "only built images are pushed"
        return image.model_copy(update={"digest": work.push(image, image.reference)})

    todo = [image for image in published if image.digest is None]
    with alone(state_directory):
        return work.run(give, todo, report, state_directory)


def promote(
    settings: Globals,
    passwords: Mapping[str, Secret],
    report: BuildReport,
    state_directory: Path,
    names: Collection[str] | None = None,
    *,
    on_event: Listener = ignore,
) -> BuildReport:
    """Point the moving tag of every published image of `report`, or of those in `names`, in the registry at
    what was built.

    Images of another install type than the settings say are left out. Gives back the report, which says so,
    and is written to the state directory as well. InputError when no registry is set, or an image was not
    pushed to it before; KollaError when one failed to build that may not, and one for all that failed here.
    """
    meant = _meant(report, names)
    failed = [image.name for image in meant if image.fails_the_build]
    if failed:
        patterns = " ".join(f"'^{name}$'" for name in failed)
        raise KollaError(
            f"no tag was moved: the last build has no {', '.join(failed)}",
            hint=f"run: kolla build {patterns}",
        )
    work = _Pushes.of("promote", settings, passwords, on_event)
    published = work.published(meant)
    absent = [image.name for image in published if image.digest is None]
    if absent:
        raise InputError(
            f"not in {work.registry.address} yet: {', '.join(absent)}", hint="run: kolla build --push"
        )

    def move(image: BuiltImage) -> BuiltImage:
        tag = work.options.reference(image.name)
        work.push(image, tag)
        return image.model_copy(update={"promoted": tag})

    todo = [image for image in published if image.promoted != work.options.reference(image.name)]
    with alone(state_directory):
        return work.run(move, todo, report, state_directory)


def _meant(report: BuildReport, names: Collection[str] | None) -> list[BuiltImage]:
    return [image for image in report.images.values() if names is None or image.name in names]


def _named(image: BuiltImage, options: Options) -> BuiltImage:
    """The image with its reference in the registry of the settings, and nothing known of another one."""
    reference = options.reference(image.name, image.identity)
    if image.reference == reference:
        return image
    return image.model_copy(update={"reference": reference, "digest": None, "promoted": None})


@dataclass
class _Pushes:
    """Pushing several images at a time; the first that the registry refuses for good ends it for all."""

    phase: str
    options: Options
    registry: Registry
    engine: Engine
    on_event: Listener
    _failure: KollaError | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(
        cls, phase: str, settings: Globals, passwords: Mapping[str, Secret], on_event: Listener
    ) -> _Pushes:
        registry = Registry.of(settings, passwords)
        options = Options.of(settings)
        return cls(phase, options, registry, connect(options.engine), on_event)

    def published(self, images: Iterable[BuiltImage]) -> list[BuiltImage]:
        """Those images that go to the registry, named for it; tells which do not, being of another install
        type: under the names of this one they would be taken for what they are not."""
        found = []
        for image in images:
            if not image.published or image.id is None:
                continue
            if image.install_type == self.options.install_type:
                found.append(_named(image, self.options))
            else:
                message = f"left out: its install type is {image.install_type} (kolla_install_type)"
                self.on_event(Event(self.phase, "skipped", image.name, message=message))
        return found

    def push(self, image: BuiltImage, reference: str) -> str:
        """Push an image under one tag, again if need be; its digest."""
        assert image.id, "only built images are pushed"
        self.engine.tag(image.id, reference)

        def tell(attempt: int, error: KollaError) -> None:
            message = f"try {attempt}: {error.what}"
            self.on_event(Event(self.phase, "started", image.name, message=message))

        return retried(
            lambda: self.engine.push(reference, self.registry),
            self.options.retries,
            worthwhile=lambda e: isinstance(e, RegistryError) and not e.final and self._failure is None,
            on_retry=tell,
            pause=self.engine.processes.wait,
        )

    def run(
        self, action: Action, todo: Iterable[BuiltImage], report: BuildReport, state_directory: Path
    ) -> BuildReport:
        """Do `action` with each image; the report with what came of it, as far as it went well."""
        images = list(todo)
        began = time.monotonic()
        self.on_event(Event(self.phase, "started", total=len(images)))
        done: dict[str, BuiltImage] = {}

        def one(image: BuiltImage) -> None:
            result = self._one(action, image)
            if result is not None:
                done[image.name] = result

        pool = ThreadPoolExecutor(self.options.threads)
        try:
            list(pool.map(one, images))
        except BaseException as error:
            self._give_up(KollaError(type(error).__name__))
            self.engine.cancel()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
            report = report.model_copy(update={"images": {**report.images, **done}})
            report.save(Places(state_directory).build_report)
            seconds = time.monotonic() - began
            self.on_event(Event(self.phase, "failed" if self._failure else "done", seconds=seconds))
        if self._failure is not None:
            count = f"{len(images) - len(done)} of {len(images)} images"
            raise KollaError(
                f"{count} did not get to {self.registry.address}: {self._failure.what}",
                hint=self._failure.hint or "run it again: what is there already is not pushed again",
            )
        return report

    def _one(self, action: Action, image: BuiltImage) -> BuiltImage | None:
        """What came of one image; None when it failed, or others before it did."""
        if self._failure is not None:
            self.on_event(Event(self.phase, "blocked", image.name))
            return None
        began = time.monotonic()
        self.on_event(Event(self.phase, "started", image.name))
        try:
            result = action(image)
        except KollaError as error:
            self._give_up(error)
            seconds = time.monotonic() - began
            self.on_event(Event(self.phase, "failed", image.name, seconds=seconds, message=str(error)))
            return None
        seconds = time.monotonic() - began
        self.on_event(Event(self.phase, "done", image.name, seconds=seconds, message=result.digest or ""))
        return result

    def _give_up(self, error: KollaError) -> None:
        with self._guard:
            self._failure = self._failure or error
