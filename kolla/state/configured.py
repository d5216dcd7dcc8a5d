"""The configuration that programs will run with, and what is said of problems in it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kolla.build_report import BuiltImage
from kolla.config import ini
from kolla.config.merge import Merged
from kolla.errors import InputError, Location
from kolla.state.desired import Desired
from kolla.state.render import RenderedFile

if TYPE_CHECKING:  # it imports oslo.config
    from kolla.config.options_check import Kind, Problem

FORMAT = "oslo"
MISSING = ("unknown", "removed")
"""Kinds of problems with what nothing reads."""

OPERATOR = "config/"
"""What the names of the operator's own layers begin with."""


@dataclass(frozen=True, eq=False)
class Configured:
    """Files of format `oslo` that a container or a job reads, the same on every host named."""

    image: BuiltImage
    service: str
    name: str
    hosts: tuple[str, ...]
    files: Mapping[str, RenderedFile]
    """In the order in which they are read."""

    @property
    def key(self) -> str:
        """A hash of everything that a check of them depends on."""
        files = [self.image.id, *([name, file.sha256] for name, file in self.files.items())]
        return hashlib.sha256(json.dumps([self.image.options_sha256, files]).encode()).hexdigest()


def configured(desired: Desired) -> tuple[Configured, ...]:
    """All that is read in the cloud, each set of files once."""
    found: dict[str, Configured] = {}
    for node in desired.nodes:
        files = {name: file for name, file in node.config.files.items() if file.format == FORMAT}
        if not files:
            continue
        one = Configured(node.image, node.service, node.name, (node.host,), files)
        same = found.get(one.key, one)  # jobs come after the containers whose files they borrow
        found[one.key] = replace(same, hosts=tuple(dict.fromkeys((*same.hosts, node.host))))
    return tuple(found.values())


@dataclass(frozen=True)
class Fault:
    """Something wrong, or odd, that came from one place, wherever it arrives."""

    where: Location | None
    """In the operator's own files."""
    layer: str
    """What set it: `config/nova.conf`, `template nova.conf.j2`."""
    section: str
    """`[token]`."""
    key: str
    """`[token] expiration`; of a whole section the same as `section`."""
    what: str
    expected: str | None
    hint: str | None
    error: bool
    """Whether it stands in the way of a deploy."""
    kind: Kind
    readers: tuple[Configured, ...] = ()

    @property
    def names(self) -> str:
        """What it arrives in."""
        return _shortened(list(dict.fromkeys(reader.name for reader in self.readers)))

    @property
    def sentence(self) -> str:
        """Where, which option, and what."""
        return f"{self.where or self.layer}: {self.key}: {self.what}"

    def error_message(self) -> InputError:
        """As an error."""
        what = self.sentence if self.where is None else f"{self.key}: {self.what}"
        return InputError(
            f"{what} (read by {self.names})",
            where=self.where,
            expected=self.expected,
            hint=self.hint,
        )

    def finding(self) -> dict[str, Any]:
        """As a row of the table that `kolla validate-config` shows."""
        more = [f"expected: {self.expected}"] if self.expected else []
        return {
            "host": _shortened(list(dict.fromkeys(host for reader in self.readers for host in reader.hosts))),
            "check": "configuration",
            "subject": self.names,
            "ok": not self.error,
            "warning": not self.error,
            "message": "\n".join([self.sentence, *more]),
            "hint": self.hint or "",
        }


def faults(
    found: Configured, problems: Iterable[Problem], overrides: Mapping[str, Path], *, complete: bool
) -> list[Fault]:
    """What is to be told of problems in files. `overrides`: path below `config/` -> file.

    An unknown option stands in the way of a deploy if it is the operator's own, unless the schema is not
    `complete`; one of a template does no more than nothing. That an option of a template is deprecated is
    for those who write templates.
    """
    told = []
    for problem in problems:
        layer = _layer(found.files[problem.file].merged, problem)
        own = layer.startswith(OPERATOR)
        if problem.kind == "deprecated" and not own:
            continue
        told.append(
            Fault(
                where=_place(overrides.get(layer.removeprefix(OPERATOR)), problem) if own else None,
                layer=layer,
                section=f"[{problem.section}]",
                key=problem.key,
                what=problem.what,
                expected=problem.expected,
                hint=problem.hint,
                error=problem.kind == "value" or (problem.kind in MISSING and own and complete),
                kind=problem.kind,
                readers=(found,),
            )
        )
    return told


def united(told: Sequence[Fault], read: Iterable[Configured]) -> list[Fault]:
    """The same, each once: one line of an override may arrive in the files of many containers.

    What one image does not know is no fault where another one knows it: layers like `global.conf` are for
    all of them. `read`: everything that is read.
    """
    found: dict[tuple[object, ...], Fault] = {}
    for fault in told:
        missing = fault.kind in MISSING
        place = (fault.where, fault.layer, fault.key, missing or fault.what)
        same = found.get(place, fault)
        readers = dict.fromkeys((*same.readers, *fault.readers))
        found[place] = replace(fault if fault.kind == "removed" else same, readers=tuple(readers))
    once = list(found.values())
    return [fault for fault in once if not _known_elsewhere(fault, once, read)]


def _known_elsewhere(fault: Fault, told: Iterable[Fault], read: Iterable[Configured]) -> bool:
    """Whether another image has what this one misses."""
    if fault.kind not in MISSING:
        return False
    images = {
        reader.image.name
        for other in told
        if other.kind in MISSING and other.layer == fault.layer and other.key in (fault.key, fault.section)
        for reader in other.readers
    }
    return any(
        layer == fault.layer and (key == fault.key or key.startswith(f"{fault.key} "))
        for other in read
        if other.image.name not in images
        for file in other.files.values()
        for key, layer in file.merged.origins.items()
    )


def _layer(merged: Merged, problem: Problem) -> str:
    """The layer that set an option; of a section, the first one that set anything in it."""
    if problem.option:
        return merged.origins[problem.key]
    return next(layer for key, layer in merged.origins.items() if key.startswith(f"{problem.key} "))


def _place(path: Path | None, problem: Problem) -> Location | None:
    if path is None:
        return None
    return Location(path, ini.line_of(path.read_text(), problem.section, problem.option))


def _shortened(names: Sequence[str], most: int = 3) -> str:
    """The first few names."""
    more = len(names) - most
    return ", ".join([*names[:most], *([f"{more} more"] if more > 0 else [])])
