"""What came of an execution, and how it can go wrong with a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kolla.errors import KollaError, LockedError

Status = Literal["done", "skipped", "failed", "blocked"]
SUCCESS: frozenset[Status] = frozenset({"done", "skipped"})


@dataclass(frozen=True)
class Result:
    """How an operation ended."""

    host: str
    status: Status
    """skipped: it was true already. blocked: not begun, because something before it failed."""
    seconds: float = 0.0
    message: str = ""
    log: tuple[str, ...] = ()
    """Last lines of the container's log, when it failed."""


@dataclass(frozen=True)
class Outcome:
    """What came of applying a plan."""

    run: str
    """Id of this run, as in the hosts' event files."""
    operations: dict[str, Result] = field(default_factory=dict)
    """Operation id -> how it ended, for every operation of the plan, in its order."""

    def failures(self) -> tuple[Mapping[str, Any], ...]:
        """Operations that failed or could not begin: operation, host, status, message, log."""
        return tuple(
            {
                "operation": operation,
                "host": result.host,
                "status": result.status,
                "message": result.message,
                "log": list(result.log),
            }
            for operation, result in self.operations.items()
            if result.status not in SUCCESS
        )


@dataclass(frozen=True)
class BrokenHost:
    """A host that could not be reached, or on which our code could not run."""

    host: str
    address: str
    unreachable: bool
    message: str

    def __str__(self) -> str:
        name = self.host if self.address == self.host else f"{self.host} ({self.address})"
        return f"host {name} {'cannot be reached' if self.unreachable else 'failed'}: {self.message}"


class BrokenHostsError(KollaError):
    """Some hosts gave no answer."""

    def __init__(self, broken: Mapping[str, BrokenHost]) -> None:
        self.broken = dict(broken)
        if any(host.unreachable for host in broken.values()):
            hint = (
                "`ssh` to the host must work without a question; see ansible_host, ansible_user and "
                "ansible_ssh_private_key_file in the inventory. --limit leaves hosts out"
            )
        else:
            hint = (
                "on a host Kolla needs root (ansible_become, ansible_become_password) and "
                "Python 3.9 or newer (ansible_python_interpreter)"
            )
        super().__init__("\n".join(str(broken[host]) for host in sorted(broken)), hint=hint)


def refusal(host: str, answer: Mapping[str, Any]) -> KollaError:
    """The error for an answer of `host` that has an "error" in it; LockedError's names who holds it."""
    if answer["error"] == "locked":
        hint = "wait until it has ended, then run this again"
        return LockedError(f"host {host}: {answer['message']}", hint=hint)
    log = "".join(f"\n    | {line}" for line in answer.get("log") or ())
    return KollaError(f"host {host} refused: {answer['message']}{log}", hint=answer.get("hint"))
