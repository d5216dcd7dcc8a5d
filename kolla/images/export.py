"""What images would be built from, in a folder, for reading or for another builder. Needs no engine."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from kolla.errors import InputError, Location
from kolla.images.base import Base
from kolla.images.context import ContextFile
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
        context = inputs.context(name, base)
        dockerfile = inputs.dockerfile(name, built, base, context)
        files = (ContextFile(DOCKERFILE, 0o644, dockerfile.encode()), *context)
        folder.mkdir(parents=True, exist_ok=True)
        _remove_others(folder, {os.path.join(folder, file.path) for file in files})
        for file in files:
            if not _is_there(file, folder):
                file.write(folder)
        _prune(folder)
    return tuple(folders.values())


def _remove_others(folder: Path, wanted: Collection[str]) -> None:
    """Remove links, and the files below `folder` that are not `wanted`; directories stay."""
    for place, directories, files in os.walk(folder):
        for path in (os.path.join(place, name) for name in (*directories, *files)):
            if os.path.islink(path) or (path not in wanted and not os.path.isdir(path)):
                os.unlink(path)


def _is_there(file: ContextFile, folder: Path) -> bool:
    """Whether it is below `folder` as it should be: comparing is quicker than making a file anew."""
    if not isinstance(file.content, bytes):
        return False
    try:
        with open(os.path.join(folder, file.path), "rb") as found:
            same_mode = stat.S_IMODE(os.fstat(found.fileno()).st_mode) == file.mode
            return same_mode and found.read() == file.content
    except FileNotFoundError:
        return False


def _prune(folder: Path) -> None:
    """Remove the directories below `folder` that hold no file."""
    for place, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):  # ENOTEMPTY (rmdir(2))
            os.rmdir(place)
