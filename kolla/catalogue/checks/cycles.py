"""What waits for itself, or takes its hosts from itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter

from kolla.catalogue.catalogue import Catalogue, groups_of
from kolla.catalogue.model import FIRST, Service
from kolla.errors import InputError


def of_groups(catalogue: Catalogue) -> Iterator[InputError]:
    """Groups whose default hosts are, over some steps, their own."""
    try:
        TopologicalSorter(catalogue.groups).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1][::-1]  # graphlib names the predecessor first
        folder = next(f for f in catalogue.folders.values() if cycle[0] in groups_of(f))
        yield InputError(
            f"a group takes its hosts from itself: {' -> '.join(cycle)}",
            where=catalogue.where(folder.name, "groups", cycle[0]),
        )


def of_parts(catalogue: Catalogue, service: Service) -> Iterator[InputError]:
    """Containers and jobs of one service of which each waits for the next, and so for itself."""
    waits: dict[str, set[str]] = {
        f"container/{name}": _one(c.after) - {FIRST} for name, c in service.containers.items()
    }
    waits |= {f"job/{name}": _one(job.after) for name, job in service.jobs.items()}
    waits |= {f"endpoint/{name}": {f"container/{e.container}"} for name, e in service.endpoints.items()}
    for name, job in service.jobs.items():
        for word in job.before:
            waits.setdefault(word, set()).add(f"job/{name}")
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1][::-1]  # graphlib names the predecessor first
        first = next(part for part in cycle if not part.startswith("endpoint/"))
        kind, _, name = first.partition("/")
        yield InputError(
            f"these wait for each other: {' -> '.join(cycle)}",
            where=catalogue.where(service.name, f"{kind}s", name),
            expected="an order: take one of them out of 'after' or 'before'",
        )


def _one(words: Iterable[str]) -> set[str]:
    """Words of `after`, in which containers on all hosts are the same as on one."""
    return {word.replace("containers/", "container/", 1) for word in words}
