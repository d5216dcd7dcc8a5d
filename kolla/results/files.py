"""Files that verbs wrote."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kolla.adopt.finding import Finding


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
