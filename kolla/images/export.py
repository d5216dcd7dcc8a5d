"""What images would be built from, in a folder, for reading or for another builder. Needs no engine."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from kolla.errors import InputError, Location
from kolla.images.base import Base
from kolla.images.inputs import Inputs

DOCKERFILE = "Dockerfile"


def export(inputs: Inputs, directory: Path) -> tuple[Path, ...]:
    """Write `directory`/IMAGE/Dockerfile and the rest of its build context for every image; the folders.

    Images stand under their moving tags. The root file system of a bootstrapped base is left out. In a
    folder of an earlier time nothing old is left; InputError for one that is something else.
    """
    options = inputs.options
    base = Base(image=options.distribution.image) if options.pull_base else None
    built = {name: options.reference(name) for name in inputs.graph.nodes}
    folders = {name: directory / name for name in inputs.graph.nodes}
    for folder in folders.values():
        if folder.exists() and not (folder / DOCKERFILE).is_file():
            raise InputError("it is there, and was not written by kolla build", where=Location(folder))
    for name, folder in folders.items():
        _empty(folder)
        folder.mkdir(parents=True, exist_ok=True)
        context = inputs.context(name, base)
        (folder / DOCKERFILE).write_text(inputs.dockerfile(name, built, base, context))
        for file in context:
            file.write(folder)
        _prune(folder)
    return tuple(folders.values())


def _empty(folder: Path) -> None:
    """Remove the files below `folder`; the directories, of which most are needed again, stay."""
    for place, directories, files in os.walk(folder):
        links = [name for name in directories if os.path.islink(os.path.join(place, name))]
        for name in (*files, *links):
            os.unlink(os.path.join(place, name))


def _prune(folder: Path) -> None:
    """Remove the directories below `folder` that hold no file."""
    for place, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):  # ENOTEMPTY (rmdir(2))
            os.rmdir(place)
