"""The two ways of saying no: to a request, and about one operation."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A request that is not carried out; becomes an answer with `error`, `message` and `details`."""

    def __init__(self, error: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.error = error
        self.details = details

    def answer(self) -> dict[str, Any]:
        """The document that goes back to the controller."""
        return {"error": self.error, "message": str(self), **self.details}


class OperationFailed(Exception):
    """An operation did not reach its post-condition: one sentence, and the log lines that tell why."""

    def __init__(self, message: str, log: list[str] | None = None) -> None:
        super().__init__(message)
        self.log = log or []


class NoSuchProgram(OperationFailed):
    """What was to be run in a container is not in it."""
