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

    `beside`: of those that do not bear all others at the same time, what they bear: `harmless`, all but their
    own kind, or `nothing`.
    """

    def __init__(
        self,
        after: Mapping[str, Iterable[str]],
        stop_at_failure: bool = False,
        beside: Mapping[str, str] | None = None,
    ) -> None:
        known = set(after)
        self._sorter = graphlib.TopologicalSorter({id: known & set(ids) for id, ids in after.items()})
        self._followers: dict[str, list[str]] = {id: [] for id in after}
        for id, ids in after.items():
            for predecessor in known & set(ids):
                self._followers[predecessor].append(id)
        self._blocked: set[str] = set()
        self._given: set[str] = set()
        self._beside = beside or {}
        self._held: list[str] = []
        self._running: set[str] = set()
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
        while batch := self._sorter.get_ready():
            self._held += batch
            self._give_up()
        found: list[str] = []
        for id in self._next():
            if self._fits(id):
                found.append(id)
                self._running.add(id)
        self._held = sorted(set(self._held) - set(found))
        self._given.update(found)
        return found

    def done(self, id: str) -> None:
        """Report that an operation is done or was skipped."""
        self._running.discard(id)
        self._sorter.done(id)

    def failed(self, id: str) -> list[str]:
        """Report that an operation failed; the operations that are thereby blocked, sorted."""
        following = self._followers.keys() - self._given if self._stop_at_failure else self._behind(id)
        newly = following - self._blocked
        self._blocked |= newly
        self._running.discard(id)
        self._sorter.done(id)
        self._give_up()
        return sorted(newly)

    def _give_up(self) -> None:
        """Let go of what is held and blocked."""
        for id in self._held:
            if id in self._blocked:
                self._sorter.done(id)
        self._held = sorted(set(self._held) - self._blocked)

    def _next(self) -> list[str]:
        """Whose turn it is: one that bears nothing beside it, else it would never come while others do."""
        alone = [id for id in self._held if self._beside.get(id) == "nothing"]
        return alone[:1] or sorted(self._held)

    def _fits(self, id: str) -> bool:
        """Whether it may be done beside what is under way."""
        beside = {self._beside.get(other) for other in self._running}
        own = self._beside.get(id)
        if own == "nothing":
            return not self._running
        return "nothing" not in beside and (own != "harmless" or "harmless" not in beside)

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
