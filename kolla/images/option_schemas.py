"""The configuration options of the software in an image, asked of the very image and kept in a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.model import ConfigFile, ConfigOptions, Service
from kolla.config.merge import file_format
from kolla.errors import KollaError
from kolla.images.engine import Engine, Trial
from kolla.images.processes import Cancelled
from kolla.places import Places, write_private

KEPT = 20
"""Schemas of earlier builds kept for each image."""

_SCRIPT = Path(__file__).parent / "inside" / "oslo_options.py"


def wanted(catalogue: Catalogue) -> Mapping[str, ConfigOptions]:
    """The images that anything reads a file of format `oslo` in -> what is said of their options, by
    themselves and by their parents."""
    read = {name for folder in catalogue.folders.values() for name in _configured(folder.service)}
    return {name: _words(catalogue, name) for name in sorted(read)}


def file_name(name: str, identity: str, words: ConfigOptions) -> str:
    """Where the schema of an image of this identity is, below the directory of all schemas."""
    question = _SCRIPT.read_text() + words.model_dump_json()
    return f"{name}/{identity[:12]}-{hashlib.sha256(question.encode()).hexdigest()[:8]}.json"


def reported(
    name: str, identity: str, image: str, words: ConfigOptions, engine: Engine, state_directory: Path
) -> dict[str, str]:
    """What the build report says of the options of an image: where their schema is, or why there is none.

    The image is asked when there is no schema of this identity yet. Cancelled when the run is given up.
    """
    path = Places(state_directory).schemas / file_name(name, identity, words)
    try:
        if not path.exists():
            _write(
                path, {**_answer(image, words, engine), **words.model_dump(mode="json", include={"sections"})}
            )
    except Cancelled:
        raise
    except KollaError as error:  # the image is as good as ever; its configuration is not checked
        return {"options_problem": error.what}
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"options": str(path.relative_to(state_directory)), "options_sha256": sha256}


def _write(path: Path, document: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(path, json.dumps(document, sort_keys=True) + "\n")
    for old in sorted(path.parent.glob("*.json"), key=lambda p: p.stat().st_mtime_ns)[:-KEPT]:
        old.unlink()


def _answer(image: str, words: ConfigOptions, engine: Engine) -> dict[str, object]:
    """What the script finds out in an image; its last line is the answer."""
    status, printed = engine.run(image, ["python3", "-", *words.modules], Trial(_SCRIPT.read_bytes()))
    *_, last = ["", *printed.strip().splitlines()]
    if status is None:
        raise KollaError("asking it for its options took too long")
    if status != 0:
        raise KollaError(f"asking it for its options failed: {last}")
    try:
        document: dict[str, object] = json.loads(last)
    except ValueError:
        raise KollaError(f"asking it for its options gave no answer: {last}") from None
    return document


def _configured(service: Service) -> Iterator[str]:
    """Images of containers with files of format `oslo`, and of jobs that have such files of their own."""
    images = {name: container.image or name for name, container in service.containers.items()}
    for name, container in service.containers.items():
        if _has_oslo(container.config):
            yield images[name]
    jobs = [*service.jobs.values(), *(check.job for check in service.checks.values())]
    jobs += [verb.job for verb in service.verbs.values()]
    if service.leaving is not None:
        jobs += [job for job in (service.leaving.occupied, service.leaving.forget) if job is not None]
    jobs += [provision.job for provision in service.provides.values() if provision.job]
    for job in jobs:
        if _has_oslo(job.config):
            yield job.image or images[job.container or ""]


def _has_oslo(config: Mapping[str, ConfigFile]) -> bool:
    return any(file_format(name, file) == "oslo" for name, file in config.items())


def _words(catalogue: Catalogue, name: str) -> ConfigOptions:
    """What is said of an image and of those it is built from, the farthest first."""
    _, image = catalogue.image(name)
    if image.parent is None:
        return image.options
    above = _words(catalogue, image.parent)
    return ConfigOptions(
        modules=tuple(dict.fromkeys((*above.modules, *image.options.modules))),
        sections=(*above.sections, *image.options.sections),
    )
