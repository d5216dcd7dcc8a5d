"""Which operations may run when. Pure: who acts, and how, is somebody else's business."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Mapping

from .errors import Refusal


class Schedule:
    """The order of one request's operations.

    `ready` gives those whose predecessors are done, each once; `done` and `failed` report back. A
    predecessor that is not in the request is done. With `stop_at_failure`, nothing is given any more once
    one failed.
    """

    def __init__(self, after: Mapping[str, Iterable[str]], stop_at_failure: bool = False) -> None:
        known = set(after)
        self._sorter = graphlib.TopologicalSorter({id: known & set(ids) for id, ids in after.items()})
        self._followers: dict[str, list[str]] = {id: [] for id in after}
        for id, ids in after.items():
            for predecessor in known & set(ids):
                self._followers[predecessor].append(id)
        self._blocked: set[str] = set()
        self._given: set[str] = set()
        self._stop_at_failure = stop_at_failure
        try:
            self._sorter.prepare()
        except graphlib.CycleError as error:
            circle = " -> ".join(error.args[1])
            raise Refusal("request", f"operations wait for each other: {circle}") from None

    def __bool__(self) -> bool:
        """Whether something is left to do or under way."""
        return self._sorter.is_active()

    def ready(self) -> list[str]:
        """Operations that may start now, sorted; not given again."""
        found: list[str] = []
        while batch := self._sorter.get_ready():
            for id in batch:
                if id in self._blocked:
                    self._sorter.done(id)
                else:
                    found.append(id)
        self._given.update(found)
        return sorted(found)

    def done(self, id: str) -> None:
        """Report that an operation is done or was skipped."""
        self._sorter.done(id)

    def failed(self, id: str) -> list[str]:
        """Report that an operation failed; the operations that are thereby blocked, sorted."""
        following = self._followers.keys() - self._given if self._stop_at_failure else self._behind(id)
        newly = following - self._blocked
        self._blocked |= newly
        self._sorter.done(id)
        return sorted(newly)

    def _behind(self, id: str) -> set[str]:
        """What waits for an operation, and what waits for that."""
        found: set[str] = set()
        waiting = list(self._followers[id])
        while waiting:
            follower = waiting.pop()
            if follower not in found:
                found.add(follower)
                waiting += self._followers[follower]
        return found
