"""What the verbs of `kolla.api` return: something to show, something to serialise, an exit code."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kolla.adopt.finding import Finding
from kolla.build_report import BuildReport
from kolla.images.scan_diff import ORDER, Change
from kolla.state import explain
from kolla.state.file_diff import FileDiff
from kolla.state.impact import Summary, summarise
from kolla.state.plan import JobOperation, Plan


@dataclass(frozen=True)
class Built:
    """A build."""

    report: BuildReport
    path: Path

    @property
    def exit_code(self) -> int:
        """1 when an image failed that may not, or was skipped because its parent failed."""
        return 1 if any(image.fails_the_build for image in self.report.images.values()) else 0

    def to_json(self) -> Any:
        """The build report."""
        return self.report.model_dump(mode="json")

    def text(self) -> str:
        """A line per image that was not left as it was, below it why it failed, and a count."""
        lines = []
        for image in self.report.images.values():
            if image.status == "built":
                lines.append(
                    f"built      {image.name:<24} {(image.size or 0) / 1e6:6.0f} MB {image.seconds:6.1f}s"
                    f"  {image.why}"
                )
            elif image.status != "unchanged":
                allowed = "(allowed to fail) " if image.may_fail else ""
                lines.append(f"{image.status:<10} {image.name:<24} {allowed}{image.log or ''}".rstrip())
                lines += [f"{'':<10} {image.error}"] if image.error else []
        unchanged = sum(image.status == "unchanged" for image in self.report.images.values())
        lines.append(f"{unchanged} unchanged; report: {self.path}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Changes:
    """What a verb made or removed, host by host; empty when there was nothing to do."""

    changes: Mapping[str, tuple[str, ...]]
    kept: Mapping[str, tuple[str, ...]]
    exit_code: int = 0

    def __add__(self, later: Changes) -> Changes:
        """What both made or removed; what the later one kept."""
        hosts = dict.fromkeys((*self.changes, *later.changes))
        changes = {host: (*self.changes.get(host, ()), *later.changes.get(host, ())) for host in hosts}
        return Changes(changes, later.kept)

    def to_json(self) -> Any:
        """Host -> lists of sentences."""
        return {
            "changes": {host: list(lines) for host, lines in self.changes.items()},
            "kept": {host: list(lines) for host, lines in self.kept.items()},
        }

    def text(self) -> str:
        """One line per change."""
        lines = [f"{host}: {line}" for host, changes in self.changes.items() for line in changes]
        lines += [f"{host}: kept {line}" for host, kept in self.kept.items() for line in kept]
        return "\n".join(lines) or "Nothing to do."


@dataclass(frozen=True)
class Holdings:
    """What removing a cloud would remove."""

    cloud_name: str
    hosts: Mapping[str, Mapping[str, Any]]
    """Host -> `containers`, `volumes` with their bytes, `images`, `packages`, as far as they would go."""
    exit_code: int = 0

    @property
    def empty(self) -> bool:
        """Never: a cloud of which nothing runs has files."""
        return False

    def to_json(self) -> Any:
        """The name, and what goes by host."""
        return {"cloud_name": self.cloud_name, "hosts": {h: dict(found) for h, found in self.hosts.items()}}

    def text(self) -> str:
        """A line for each kind of thing on each host."""
        lines = [f"This removes cloud '{self.cloud_name}' and, for good:"]
        for host, found in self.hosts.items():
            for kind, things in found.items():
                if not things:
                    continue
                sizes = things if isinstance(things, Mapping) else {}
                names = [f"{n} ({sizes[n] / 1e6:.0f} MB)" if sizes.get(n) is not None else n for n in things]
                lines.append(
                    f"  {host}: {explain.count(len(names), kind.removesuffix('s'))}: {', '.join(names)}"
                )
        return "\n".join(lines)


@dataclass(frozen=True)
class Findings:
    """What prechecks or checks found, good and bad."""

    findings: tuple[Mapping[str, Any], ...]
    """host, check, subject, ok, message, hint; `warning`: nothing stands in the way, and yet look at it."""

    @property
    def exit_code(self) -> int:
        """1 when anything is not as it should be."""
        return 0 if all(finding["ok"] for finding in self.findings) else 1

    def to_json(self) -> Any:
        """All of them."""
        return [dict(finding) for finding in self.findings]

    def text(self) -> str:
        """What is wrong and what is to be looked at, in one table under a count."""
        bad = [finding for finding in self.findings if not finding["ok"]]
        warnings = [finding for finding in self.findings if finding["ok"] and finding.get("warning")]
        total = len(self.findings)
        heading = f"{len(bad)} of {total} checks failed" if bad else f"All {total} checks passed"
        if not bad and not warnings:
            return f"{heading}."
        if warnings:
            heading += f", {explain.count(len(warnings), 'warning')}"
        rows = [
            ("warning" if finding["ok"] else "failed", finding["host"], finding["check"], finding["subject"])
            for finding in (*bad, *warnings)
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [f"{heading}:"]
        for row, finding in zip(rows, (*bad, *warnings), strict=True):
            start = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            first, *rest = finding["message"].splitlines() or [""]
            rest += [finding["hint"]] if finding.get("hint") else []
            lines.append(f"  {start}  {first}".rstrip())
            lines += [f"      {line}" for line in rest]
        return "\n".join(lines)


@dataclass(frozen=True)
class Ran:
    """A service's own verb that was run."""

    results: tuple[Mapping[str, Any], ...]
    """host, ok, message, result (the document it printed), log (last lines, when it failed)."""
    hint: str = ""
    """What to do now, when it went wrong half-way."""

    @property
    def exit_code(self) -> int:
        """1 when it failed on a host."""
        return 0 if all(result["ok"] for result in self.results) else 1

    def to_json(self) -> Any:
        """One result for each host it was run on."""
        return [dict(result) for result in self.results]

    def text(self) -> str:
        """What it said, on each host; what went wrong with its last log lines."""
        lines = []
        for result in self.results:
            message = result["message"] or "Done."
            lines.append(f"{result['host']}: {message}" if len(self.results) > 1 else message)
            lines += [f"    | {line}" for line in result["log"]]
        return "\n".join([*lines, self.hint] if self.hint else lines)


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


def _as_revision(number: int) -> str:
    return f"Nothing to do: the hosts are as revision {number} says."


@dataclass(frozen=True)
class Written:
    """Files a verb wrote."""

    paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    exit_code: int = 0

    def to_json(self) -> Any:
        """Paths and notes."""
        return {"written": [str(path) for path in self.paths], "notes": list(self.notes)}

    def text(self) -> str:
        """One line per file and note."""
        return "\n".join([*(f"wrote {path}" for path in self.paths), *self.notes]) or "Nothing to write."


@dataclass(frozen=True)
class Adopted:
    """A configuration that was made of another tool's."""

    directory: Path
    findings: tuple[Finding, ...]
    """What was not simply carried over; what has to be decided comes first."""

    @property
    def exit_code(self) -> int:
        """2 when something has to be decided before a deploy."""
        return 2 if any(finding.must for finding in self.findings) else 0

    def to_json(self) -> Any:
        """The directory, and the findings with file and line."""
        return {
            "directory": str(self.directory),
            "findings": [
                {**asdict(finding), "where": str(finding.where) if finding.where else None}
                for finding in self.findings
            ],
        }

    def text(self) -> str:
        """Each finding: what, where, why, what to do."""
        lines = [f"wrote {self.directory}"]
        for title, must in (("To be decided before a deploy:", True), ("To know:", False)):
            found = [finding for finding in self.findings if finding.must == must]
            lines += ["", title] if found else []
            for finding in found:
                lines.append(f"  {finding.what}" + (f"  ({finding.where})" if finding.where else ""))
                lines += [f"      {text}" for text in (finding.why, finding.instead) if text]
        lines += ["", f"Next: kolla --configdir {self.directory} plan"]
        return "\n".join(lines)


@dataclass(frozen=True)
class Rows:
    """A table, for verbs that only look."""

    rows: tuple[Mapping[str, Any], ...]
    exit_code: int = 0
    notes: tuple[str, ...] = ()
    """Sentences under it, for people."""

    def to_json(self) -> Any:
        """The rows."""
        return [dict(row) for row in self.rows]


@dataclass(frozen=True)
class Listing:
    """What there is, in lines for people and as data for programs."""

    lines: tuple[str, ...]
    document: Any
    exit_code: int = 0

    def to_json(self) -> Any:
        """The data."""
        return self.document

    def text(self) -> str:
        """The lines."""
        return "\n".join(self.lines)


@dataclass(frozen=True)
class Lines:
    """Plain lines of text."""

    lines: tuple[str, ...]
    exit_code: int = 0

    def to_json(self) -> Any:
        """The lines."""
        return list(self.lines)

    def text(self) -> str:
        """As they are."""
        return "\n".join(self.lines)


@dataclass(frozen=True)
class ScanDiff:
    """What changed between two builds, image by image."""

    changes: Mapping[str, tuple[Change, ...]]
    """For the images that are in both."""
    added: tuple[str, ...] = ()
    """Images only the second one has."""
    removed: tuple[str, ...] = ()
    """Images only the first one has."""

    @property
    def exit_code(self) -> int:
        """2 when anything was downgraded."""
        return 2 if any(c.what == "downgraded" for found in self.changes.values() for c in found) else 0

    def to_json(self) -> Any:
        """Image -> changes."""
        return {
            "images": {name: [asdict(change) for change in found] for name, found in self.changes.items()},
            "added": list(self.added),
            "removed": list(self.removed),
        }

    def text(self) -> str:
        """A table of changes, each once, with the images it is in; the downgraded ones first."""
        images: dict[Change, list[str]] = {}
        for name, found in self.changes.items():
            for change in found:
                images.setdefault(change, []).append(name)
        rows = [
            (c.what, c.kind, c.name, " -> ".join(filter(None, (c.before, c.after))), ", ".join(images[c]))
            for c in sorted(images, key=lambda change: ORDER.index(change.what))
        ]
        widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
        lines = ["  ".join((*map(str.ljust, row[:4], widths), row[4])) for row in rows]
        lines += [f"image added: {name}" for name in self.added]
        lines += [f"image removed: {name}" for name in self.removed]
        counted = Counter(row[0] for row in rows)
        summary = ", ".join(f"{counted[what]} {what}" for what in ORDER if counted[what])
        return "\n".join([*lines, summary or "The packages are the same."])
