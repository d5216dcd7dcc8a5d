"""Pushing what was built to the registry of the settings, several images at a time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kolla.build_report import BuildReport, BuiltImage
from kolla.errors import InputError, KollaError
from kolla.events import Event, Listener, ignore
from kolla.images.engine import Engine
from kolla.images.options import Options
from kolla.places import Places, write_private
from kolla.settings.globals import Globals

PHASE = "push"


def push(
    settings: Globals, report: BuildReport, state_directory: Path, *, on_event: Listener = ignore
) -> BuildReport:
    """Push every published image of `report` the registry was not given yet, under both its tags.

    An image that was built for another registry is named for this one first. Gives back the report
    with digests, written to the state directory as well. InputError when no registry is set;
    KollaError naming the images that could not be pushed, after trying all.
    """
    options = Options.of(settings)
    if not options.registry:
        raise InputError("there is no registry to push to", hint="set docker_registry in globals.yml")
    engine = Engine.connect()
    todo = [_named(image, options) for image in report.images.values() if image.published and image.id]
    todo = [image for image in todo if image.digest is None]
    began = time.monotonic()
    on_event(Event(PHASE, "started", total=len(todo)))
    with ThreadPoolExecutor(options.threads) as pool:
        pushed = list(pool.map(lambda image: _push(image, options, engine, on_event), todo))
    failed = [image.name for image in pushed if image.digest is None]
    seconds = time.monotonic() - began
    on_event(Event(PHASE, "failed" if failed else "done", seconds=seconds))
    report = report.model_copy(update={"images": {**report.images, **{i.name: i for i in pushed}}})
    write_private(Places(state_directory).build_report, report.model_dump_json(indent=2) + "\n")
    if failed:
        raise KollaError(f"could not be pushed to {options.registry}: {', '.join(failed)}")
    return report


def _named(image: BuiltImage, options: Options) -> BuiltImage:
    """The image with its reference in the registry of the settings, and no digest of another one."""
    reference = options.reference(image.name, image.identity)
    return (
        image
        if image.reference == reference
        else image.model_copy(update={"reference": reference, "digest": None})
    )


def _push(image: BuiltImage, options: Options, engine: Engine, on_event: Listener) -> BuiltImage:
    """One image; the same one without a digest when it failed."""
    began = time.monotonic()
    on_event(Event(PHASE, "started", image.name))
    try:
        assert image.id and image.reference, "only built images are pushed"
        digest = ""
        for reference in (options.reference(image.name), image.reference):
            engine.tag(image.id, reference)
            digest = engine.push(reference)
    except KollaError as error:
        on_event(Event(PHASE, "failed", image.name, seconds=time.monotonic() - began, message=str(error)))
        return image
    on_event(Event(PHASE, "done", image.name, seconds=time.monotonic() - began, message=digest))
    return image.model_copy(update={"digest": digest})
