"""What the verbs about revisions return."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kolla.state import explain
from kolla.state.desired import Desired
from kolla.state.plan import ContainerOperation, Plan
from kolla.state.revision import Revision, changed_settings
from kolla.state.revision_diff import Difference

MARKS = {"added": "+", "removed": "-", "changed": "±"}


@dataclass(frozen=True)
class Revisions:
    """Every revision that is kept."""

    revisions: tuple[Revision, ...]
    exit_code: int = 0

    def to_json(self) -> Any:
        """One document each."""
        return [revision.model_dump(mode="json") for revision in self.revisions]

    def text(self) -> str:
        """A table, the oldest first."""
        if not self.revisions:
            return "Nothing was deployed yet, or what was is not known here: kolla revisions on-hosts"
        rows = [("NUMBER", "WHEN", "WHO", "VERB", "RELEASE", "RESULT", "CHANGES")]
        rows += [
            (
                str(revision.number),
                _when(revision.started),
                f"{revision.who.user}@{revision.who.host}",
                revision.verb + (f" to {revision.restores}" if revision.restores else ""),
                revision.source.release,
                revision.result,
                str(revision.done),
            )
            for revision in self.revisions
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


@dataclass(frozen=True)
class RevisionShown:
    """One revision with all that is known of it."""

    revision: Revision
    plan: Plan
    desired: Desired
    exit_code: int = 0

    def to_json(self) -> Any:
        """The revision, its plan, and of every container image and files, which are named by digest."""
        return {
            **self.revision.model_dump(mode="json"),
            "plan": self.plan.model_dump(mode="json"),
            "containers": [
                {
                    "host": container.host,
                    "service": container.service,
                    "name": container.spec.name,
                    "image": {
                        "name": container.image.name,
                        "id": container.image.id,
                        "reference": container.image.reference,
                        "digest": container.image.digest,
                    },
                    "files": {name: file.sha256 for name, file in sorted(container.config.files.items())},
                }
                for container in self.desired.containers
            ],
        }

    def text(self) -> str:
        """What was done and why, what went wrong, the images, and the files that were written."""
        lines = [*self._heading(), "", explain.text(self.plan)]
        for failure in self.revision.failures:
            lines.append(f"{failure.host}: {failure.operation} failed: {failure.message}")
        if self.revision.problem:
            lines.append(f"It ended early: {self.revision.problem}")
        lines += ["", "Images:", *_columns(self._images())]
        if files := list(self._files()):
            lines += ["", "Files of the containers that were changed:", *_columns(files)]
        return "\n".join(lines)

    def _heading(self) -> Iterator[str]:
        revision = self.revision
        who = f"{revision.who.user}@{revision.who.host}"
        yield f"Revision {revision.number}: {revision.verb} by {who}, {revision.result}"
        if revision.restores:
            yield f"went back to revision {revision.restores}"
        ended = f" to {_when(revision.ended)}" if revision.ended else ""
        yield f"{_when(revision.started)}{ended}"
        for what, names in (("hosts", revision.limit), ("services", revision.tags)):
            if names:
                yield f"only {what} {', '.join(names)}"
        yield f"release {revision.source.release} on {revision.source.base}"
        if revision.source.commit:
            changed = ", with changes that are in no commit" if revision.source.commit.endswith("+") else ""
            yield f"settings of commit {revision.source.commit.rstrip('+')}{changed}"

    def _images(self) -> list[tuple[str, ...]]:
        images = {container.image.name: container.image for container in self.desired.containers}
        return [
            (name, _short(image.id), image.reference or "", image.digest or "never pushed")
            for name, image in sorted(images.items())
        ]

    def _files(self) -> Iterator[tuple[str, ...]]:
        for operation in self.plan.operations:
            if isinstance(operation, ContainerOperation):
                for file in operation.folder.files:
                    yield operation.host, f"{operation.folder.path}/{file.name}", file.sha256[:12]


@dataclass(frozen=True)
class RevisionDiff:
    """What differs between two revisions."""

    old: Revision
    new: Revision
    differences: tuple[Difference, ...]
    exit_code: int = 0

    def to_json(self) -> Any:
        """Differences, and the files of the settings that changed."""
        return {
            "old": self.old.number,
            "new": self.new.number,
            "settings": changed_settings(self.old.source.settings, self.new.source.settings),
            "differences": [difference.model_dump(mode="json") for difference in self.differences],
        }

    def text(self) -> str:
        """Host by host, container by container, key by key."""
        before, after = (f"{r.source.release} on {r.source.base}" for r in (self.old, self.new))
        lines = [f"release {before} -> {after}"] if before != after else []
        lines += changed_settings(self.old.source.settings, self.new.source.settings)
        host = None
        for difference in self.differences:
            if difference.host != host:
                host = difference.host
                lines += ["", host]
            lines.append(f"  {MARKS[difference.what]} {difference.subject}")
            lines += [f"      {detail}" for detail in difference.details]
        if not self.differences:
            lines.append(f"Hosts are the same in revisions {self.old.number} and {self.new.number}.")
        return "\n".join(lines).strip("\n")


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    return ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _short(image: str | None) -> str:
    return (image or "").removeprefix("sha256:")[:12]


def _when(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
