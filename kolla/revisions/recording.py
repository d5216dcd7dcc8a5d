"""Recording a change while it is made: begun before the first operation, completed after the last."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from kolla.events import Event, Listener
from kolla.revisions.store import Store
from kolla.state.desired import Desired
from kolla.state.plan import Plan
from kolla.state.restoring import backup_made
from kolla.state.revision import Failure, Result, Revision

SUCCESS = ("done", "skipped")


class Recorder:
    """Listens to what becomes of a plan's operations, and passes on what it hears."""

    def __init__(
        self, store: Store, revision: Revision, plan: Plan, listener: Listener, kept: int = 1
    ) -> None:
        """`kept`: how many changes hosts keep, at least as many as there are here."""
        self.revision = revision
        """As it is kept; complete when the change has ended."""
        self._operations = {operation.id: operation for operation in plan.operations}
        self._listener = listener
        self._store = store
        self._kept = max(kept, len(store.all()))
        self.began = False
        self._outcomes: dict[str, str] = {}
        self._failures: list[Failure] = []

    def see(self, event: Event) -> None:
        """An event of the run."""
        if event.subject in self._operations:
            self.began = True
            if event.status != "started":
                self._outcomes[event.subject] = event.status
            if event.status == "done":
                self._keep(event.subject, event.message)
            if event.status == "failed":
                failure = Failure(operation=event.subject, host=event.host, message=event.message)
                self._failures.append(failure)
        self._listener(event)

    def note(self, host: str, result: Result) -> Mapping[str, Any]:
        """What a host keeps of it, of which so much is known: of single operations, its own."""
        outcomes = {o: known for o, known in self._outcomes.items() if self._operations[o].host == host}
        revision = self.revision.model_copy(
            update={
                "result": result,
                "ended": None if result == "in progress" else datetime.now(UTC),
                "outcomes": outcomes,
                "failures": tuple(failure for failure in self._failures if failure.host == host),
            }
        )
        return {"revision": revision.model_dump(mode="json"), "keep": self._kept}

    def _keep(self, operation: str, said: str) -> None:
        """What a job of an upgrade said of the backup it made, on disk at once: whoever is killed later must
        be able to go back."""
        found = backup_made(self._operations.values(), operation, said)
        if found is not None:
            kept = (*self.revision.backups, found)
            self.revision = self.revision.model_copy(update={"backups": kept})
            self._store.finish(self.revision)

    def end(self, *, interrupted: bool = False, problem: str = "") -> None:
        """Nothing more will happen: say what came of it."""
        succeeded = all(self._outcomes.get(operation) in SUCCESS for operation in self._operations)
        result: Result = "interrupted" if interrupted else "done" if succeeded else "failed"
        self.revision = self.revision.model_copy(
            update={
                "ended": datetime.now(UTC),
                "result": result,
                "problem": problem,
                "outcomes": self._outcomes,
                "failures": tuple(self._failures),
            }
        )


@contextlib.contextmanager
def recording(
    store: Store, revision: Revision, plan: Plan, desired: Desired, listener: Listener, kept: int = 1
) -> Iterator[Recorder]:
    """Record what is done inside as `revision`, which gets its number here.

    A change that did not begin (a host was locked, or could not be reached) leaves nothing. A deployer that
    is killed leaves one that is in progress, and that everybody else finds to be interrupted. `kept`: how
    many changes hosts keep.
    """
    recorder = Recorder(store, store.begin(revision, plan, desired), plan, listener, kept)
    try:
        yield recorder
    except BaseException as error:
        recorder.end(interrupted=isinstance(error, KeyboardInterrupt), problem=str(error))
        raise
    else:
        recorder.end()
    finally:
        if recorder.began:
            store.finish(recorder.revision)
        else:
            store.discard(recorder.revision.number)
