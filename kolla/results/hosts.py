"""What was found and done on hosts, where it is no plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kolla.state import explain


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
