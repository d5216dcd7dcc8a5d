"""Where revisions are kept: a directory for each, and beside them the contents of files, by digest.

    revisions/7/revision.json     who, when, what came of it
    revisions/7/plan.json         what was to be done, and why
    revisions/7/state.json        the desired state
    revisions/contents/SHA256     files; most belong to many revisions

All of it is 0600 or 0700, as the files hold passwords. A revision appears as a whole (rename(2)), and its
`revision.json` is replaced as a whole when the change has ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from kolla.ansible.process import has_ended
from kolla.errors import KollaError, Location
from kolla.places import write_private
from kolla.state import revision_state
from kolla.state.desired import Desired
from kolla.state.plan import Plan
from kolla.state.revision import Revision, kept

CONTENTS = "contents"

Document = TypeVar("Document", bound=BaseModel)


class Store:
    """The revisions of one cloud."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def all(self) -> tuple[Revision, ...]:
        """Every revision, the oldest first. One whose deployer is gone was interrupted."""
        return tuple(self._revision(number) for number in self._numbers())

    def plan(self, number: int) -> Plan:
        """The plan that was carried out."""
        return self._load(number, "plan.json", Plan)

    def desired(self, number: int) -> Desired:
        """The desired state, files included. KollaError when it cannot be read."""
        path = self._directory / str(number) / "state.json"
        try:
            return revision_state.restored(self._state(number), self._content)
        except KollaError as error:
            where = error.where or Location(path)
            raise KollaError(error.what, where=where, expected=error.expected) from None

    def begin(self, revision: Revision, plan: Plan, desired: Desired) -> Revision:
        """Keep a change that is about to be made; the revision with the number it got."""
        state = revision_state.document(desired)
        with self._locked():
            for node in revision_state.kept_nodes(desired):
                for file in node.config.files.values():
                    self._keep(file.sha256, file.merged.text)
            number = max(self._numbers(), default=0) + 1
            revision = revision.model_copy(update={"number": number})
            directory = Path(tempfile.mkdtemp(dir=self._directory, prefix=".new-"))
            write_private(directory / "revision.json", _text(revision))
            write_private(directory / "plan.json", _text(plan))
            write_private(directory / "state.json", json.dumps(state, separators=(",", ":")) + "\n")
            directory.rename(self._directory / str(number))
        return revision

    def finish(self, revision: Revision) -> None:
        """Keep what came of it, or of its beginning."""
        write_private(self._directory / str(revision.number) / "revision.json", _text(revision))

    def discard(self, number: int) -> None:
        """Forget a change that never began."""
        with self._locked():
            shutil.rmtree(self._directory / str(number))

    def prune(self, keep: int) -> None:
        """Forget those that `kolla.state.revision.kept` leaves out, and contents nobody has any more."""
        with self._locked():
            wanted = {revision.number for revision in kept(self.all(), keep)}
            for number in self._numbers():
                if number not in wanted:
                    shutil.rmtree(self._directory / str(number))
            for leftover in self._directory.glob(".new-*"):  # of a deployer that was killed in `begin`
                shutil.rmtree(leftover)
            states = [self._state(number) for number in self._numbers()]
            named = {digest for state in states for digest in revision_state.file_digests(state)}
            for path in (self._directory / CONTENTS).glob("*"):
                if path.name not in named:
                    path.unlink()

    def _numbers(self) -> list[int]:
        if not self._directory.is_dir():
            return []
        return sorted(int(path.name) for path in self._directory.iterdir() if path.name.isdigit())

    def _revision(self, number: int) -> Revision:
        return _seen(self._load(number, "revision.json", Revision))

    def _load(self, number: int, name: str, kind: type[Document]) -> Document:
        path = self._directory / str(number) / name
        try:
            return kind.model_validate_json(path.read_bytes())
        except ValidationError:
            raise KollaError(
                f"revision {number} cannot be read",
                where=Location(path),
                expected="what this version of kolla writes; a newer one may have written it",
            ) from None

    def _state(self, number: int) -> Mapping[str, Any]:
        path = self._directory / str(number) / "state.json"
        try:
            state: Mapping[str, Any] = json.loads(path.read_bytes())
        except ValueError as error:
            raise KollaError(f"not the state of a revision: {error}", where=Location(path)) from None
        return state

    def _content(self, digest: str) -> str:
        path = self._directory / CONTENTS / digest
        try:
            # Bytes: what is read back must have the digest of what was written, line ends included.
            return path.read_bytes().decode()
        except FileNotFoundError:
            raise KollaError("a file of this revision is gone", where=Location(path)) from None

    def _keep(self, digest: str, text: str) -> None:
        path = self._directory / CONTENTS / digest
        if not path.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            write_private(path, text)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One deployer at a time changes the directory (flock(2)); it is made when it is missing."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._directory, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def told(records: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[Revision, ...]:
    """Revisions as hosts have them on record, each once, the oldest first, with what became of the operations
    of all these hosts. KollaError for one that cannot be read."""
    found: dict[tuple[datetime, int], Revision] = {}
    for host, documents in records.items():
        for document in documents:
            try:
                revision = Revision.model_validate(document)
            except ValidationError:
                raise KollaError(
                    f"a revision that host {host} has on record cannot be read",
                    expected="what this version of kolla writes; a newer one may have written it",
                ) from None
            key = (revision.started, revision.number)
            found[key] = _both(found[key], revision) if key in found else revision
    return tuple(_seen(found[key]) for key in sorted(found))


def _both(one: Revision, other: Revision) -> Revision:
    """What two hosts have on record of a revision; one of them may not have heard the end of it."""
    whole, part = (other, one) if one.ended is None else (one, other)
    together = {"outcomes": whole.outcomes | part.outcomes, "failures": (*whole.failures, *part.failures)}
    return whole.model_copy(update=together)


def _seen(revision: Revision) -> Revision:
    """One whose deployer is gone was interrupted."""
    if revision.result == "in progress" and has_ended(revision.who.model_dump()):
        return revision.model_copy(update={"result": "interrupted"})
    return revision


def _text(document: BaseModel) -> str:
    return document.model_dump_json(indent=2) + "\n"
