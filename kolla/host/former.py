"""Containers of ours under the names they had before the catalogue renamed them: set aside while others take
their place, put back, or removed.

Nothing here starts one but `start`: what they work on may have been copied, and they must not go on with it.
"""

from __future__ import annotations

from collections.abc import Iterable

from . import folder as folders
from .containers import OLD
from .context import Context, is_own
from .projection import LABEL_FOLDER
from .shapes import Json


def not_aside(names: Iterable[str], context: Context) -> list[str]:
    """Of `names`, containers of ours that were not set aside."""
    return [name for name in names if _own(name, context)]


def present(names: Iterable[str], context: Context) -> list[Json]:
    """Those of ours that have their names."""
    return [container for name in names if (container := _own(name, context))]


def set_aside(names: Iterable[str], context: Context) -> None:
    """Stop them and give them other names."""
    for name in not_aside(names, context):
        context.engine.stop(name)
        context.engine.rename(name, name + OLD)


def put_back(names: Iterable[str], context: Context) -> None:
    """Give those that were set aside their names again."""
    for name in names:
        if _own(name + OLD, context) and not _own(name, context):
            context.engine.rename(name + OLD, name)


def start(names: Iterable[str], context: Context) -> None:
    """Start them, under their names."""
    for name in not_aside(names, context):
        context.engine.start(name)


def forget(names: Iterable[str], context: Context) -> None:
    """Remove those that were set aside, with their folders; their volumes stay."""
    for name in names:
        container = _own(name + OLD, context)
        if container is None:
            continue
        context.engine.remove(name + OLD)
        context.cloud.forget_taken(name)
        folder = container["Config"]["Labels"].get(LABEL_FOLDER)
        if folder:
            folders.remove(folder, context.manifest)


def _own(name: str, context: Context) -> Json | None:
    container = context.engine.inspect(name)
    return container if container and is_own(container["Config"]["Labels"], context.cloud) else None
