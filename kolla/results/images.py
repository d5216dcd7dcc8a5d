"""What verbs about images come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kolla.build_report import BuildReport
from kolla.images.scan_diff import ORDER, Change


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
