"""Plans that were made, and that were carried out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kolla.state import explain
from kolla.state.file_diff import FileDiff
from kolla.state.impact import Summary, summarise
from kolla.state.plan import JobOperation, Plan


@dataclass(frozen=True)
class Planned:
    """A plan that was made."""

    plan: Plan
    warnings: tuple[str, ...] = ()
    files: tuple[FileDiff, ...] = ()
    """How configuration files change, when that was asked for."""
    towards: int | None = None
    """The revision it leads to; None: what the settings say."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.plan

    @property
    def summary(self) -> Summary:
        """What users notice of all of it."""
        return summarise(self.plan)

    @property
    def exit_code(self) -> int:
        """2 when there is something to do."""
        return 2 if self.plan else 0

    def to_json(self) -> Any:
        """The plan as it is saved, what it comes to, and the warnings."""
        return {
            **self.plan.model_dump(mode="json"),
            "summary": self.summary.to_json(),
            "warnings": list(self.warnings),
            "files": [asdict(file) for file in self.files],
        }

    def text(self) -> str:
        """The plan for people, below the diffs of its files."""
        diffs = [line for file in self.files for line in (*file.lines, "")]
        plan = explain.text(self.plan)
        if self.towards and not self.plan:
            plan = _as_revision(self.towards)
        return "\n".join([*(f"warning: {w}" for w in self.warnings), *diffs, plan])


@dataclass(frozen=True)
class Deployed:
    """A plan that was carried out, and what the hosts looked like afterwards."""

    plan: Plan
    failed: tuple[Mapping[str, Any], ...]
    """Operations that failed or could not begin: operation, host, status, message, log."""
    remaining: Plan
    """What a plan made right afterwards would still do."""
    complete: bool
    """Whether the plan was made here, so that nothing may remain."""
    warnings: tuple[str, ...] = ()
    revision: int | None = None
    """The number it is recorded under; None: nothing was done."""
    messages: Mapping[str, str] = field(default_factory=dict)
    """Operation -> what it said when it was done."""
    towards: int | None = None
    """The revision it led back to; None: what the settings say."""
    canary: tuple[str, ...] = ()
    """Of a canary that failed: why, and what became of it."""

    @property
    def advice(self) -> str:
        """What there is and what to do when something failed."""
        again = f"go back again: kolla rollback {self.towards}" if self.towards else "deploy again"
        stopped = ", and what was stopped stays so" if self.plan.restores else ""
        return f"What was already running was left running{stopped}. Mend the cause, then {again}."

    @property
    def exit_code(self) -> int:
        """1 when an operation failed, or something remains that should not."""
        return 1 if self.failed or (self.complete and self.remaining) else 0

    def to_json(self) -> Any:
        """Operations done, failures, and what remains."""
        return {
            "operations": [operation.id for operation in self.plan.operations],
            "failed": [dict(failure) for failure in self.failed],
            "remaining": [operation.id for operation in self.remaining.operations],
            "warnings": list(self.warnings),
            "revision": self.revision,
            "canary": list(self.canary),
        }

    def text(self) -> str:
        """Failures with their last log lines; else how many operations were done."""
        lines = [f"warning: {warning}" for warning in self.warnings]
        lines += _failures(self.failed)
        if self.failed:
            lines += [*self.canary, self.advice]
        elif not self.plan and self.towards:
            lines.append(_as_revision(self.towards))
        elif not self.plan:
            recorded = f" This is revision {self.revision}." if self.revision else ""
            lines.append(f"Nothing to do: the hosts are as the settings say.{recorded}")
        else:
            recorded = f"; this is revision {self.revision}" if self.revision else ""
            lines.append(f"{explain.count(len(self.plan.operations), 'operation')} done{recorded}.")
        if self.remaining and not self.failed:
            lines += ["Observed again, this is still to do:", explain.text(self.remaining)]
        return "\n".join(lines)


def check_warnings(done: Deployed) -> Iterator[str]:
    """What checks that were run only warn of (oslo.upgradecheck: result 1)."""
    for operation in done.plan.operations:
        said = done.messages.get(operation.id, "")
        if not isinstance(operation, JobOperation) or not said.startswith("{"):
            continue
        for check in json.loads(said).get("checks", ()):
            if isinstance(check, dict) and check.get("result") == 1:
                yield f"{operation.job}: {check['check']}: {check['details']}"


@dataclass(frozen=True)
class Done:
    """What was asked for and done at once: containers stopped, started, restarted."""

    plan: Plan
    failed: tuple[Mapping[str, Any], ...]
    """As in Deployed."""

    @property
    def exit_code(self) -> int:
        """1 when an operation failed."""
        return 1 if self.failed else 0

    def to_json(self) -> Any:
        """Operations and failures."""
        return {
            "operations": [
                f"{operation.host}: {explain.title(operation)}" for operation in self.plan.operations
            ],
            "failed": [dict(failure) for failure in self.failed],
        }

    def text(self) -> str:
        """Failures with their last log lines; else how many operations were done."""
        if self.failed:
            return "\n".join(_failures(self.failed))
        if not self.plan:
            return "Nothing to do: all of it is so already."
        return f"{explain.count(len(self.plan.operations), 'operation')} done."


def _failures(failed: Sequence[Mapping[str, Any]]) -> list[str]:
    """What failed with its last log lines, and what could not begin because of that."""
    lines = []
    for failure in failed:
        if failure["status"] != "blocked":
            lines.append(f"{failure['host']}: {failure['operation']} failed: {failure['message']}")
            lines += [f"    | {line}" for line in failure.get("log", ())]
    blocked = [failure["operation"] for failure in failed if failure["status"] == "blocked"]
    if blocked:
        lines.append(f"not begun because of that: {', '.join(blocked)}")
    return lines


def _as_revision(number: int) -> str:
    return f"Nothing to do: the hosts are as revision {number} says."
