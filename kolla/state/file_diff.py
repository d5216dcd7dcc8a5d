"""The changed configuration files of a plan as unified diffs, without the secrets in them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kolla.config.merge import keys
from kolla.errors import InputError
from kolla.secret import MASK
from kolla.state.desired import Desired
from kolla.state.host_state import HostState
from kolla.state.mask import is_telling
from kolla.state.plan import ContainerOperation, Plan

LONGEST = 400
"""Lines of one diff that are shown; of the rest only how many there are."""

_ASSIGNMENT = re.compile(r"""^(?P<start>\s*(?:-\s+)?["']?(?P<key>[\w.\-]+)["']?\s*[:=]\s*)(?P<value>.*)$""")
_INLINE = re.compile(r"""(?P<start>["'](?P<key>[\w.\-]+)["']\s*:\s*)(?P<value>"(?:[^"\\]|\\.)*"|'[^']*')""")
_LOGIN = re.compile(r"(?P<start>\w://[^/\s:@]*:)[^/\s@]+(?=@)")
_BLOCK = re.compile(r"-----BEGIN|-----END")


@dataclass(frozen=True)
class FileDiff:
    """How one file of one container changes."""

    host: str
    container: str
    file: str
    lines: tuple[str, ...]
    """As of diff(1) with `-u`, headings included; secrets masked."""


def file_diffs(plan: Plan, desired: Desired, states: Mapping[str, HostState]) -> tuple[FileDiff, ...]:
    """Every file that the containers of a plan get anew, in its order. Of a container that is new, all."""
    wanted = {container.id: container for container in desired.containers}
    found = []
    for operation in plan.operations:
        if not isinstance(operation, ContainerOperation) or operation.id not in wanted:
            continue
        container = wanted[operation.id]
        present = states[operation.host].folders.get(container.config.path, {})
        for name in sorted(container.config.files.keys() | present.keys()):
            file, observed = container.config.files.get(name), present.get(name)
            if file is not None and observed is not None and file.sha256 == observed.sha256:
                continue
            old = observed.content.reveal() if observed and observed.content is not None else ""
            secrets = desired.secrets | (file.secrets if file else frozenset())
            lines = unified(old, file.merged.text if file else "", secrets, file.format if file else "text")
            path = f"{container.config.path}/{name}"
            before = path if observed else "/dev/null"
            after = path if file else "/dev/null"
            heading = (f"--- {operation.host}:{before}", f"+++ {operation.host}:{after}")
            found.append(FileDiff(operation.host, container.name, name, (*heading, *lines)))
    return tuple(found)


def unified(old: str, new: str, secrets: Collection[str], format: str) -> list[str]:
    """The hunks between two texts.

    Masked is what is, or may have been, a secret: what is in `secrets`, values of keys whose names tell,
    in `format` the other side of a key with a secret, logins of URLs, PEM blocks.
    """
    if any("\0" in text or "\ufffd" in text for text in (old, new)):
        return ["(not text)"]
    hidden = _values(old, new, secrets, format)
    before, after = _masked(old, hidden), _masked(new, hidden)
    lines: list[str] = []
    matcher = difflib.SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False)
    for group in matcher.get_grouped_opcodes(3):
        first, last = group[0], group[-1]
        lines.append(f"@@ -{first[1] + 1},{last[2] - first[1]} +{first[3] + 1},{last[4] - first[3]} @@")
        for tag, i, j, k, m in group:
            if tag == "equal":
                lines += [f" {line}" for line in before[i:j]]
                continue
            gone, come = before[i:j], after[k:m]
            gone = _alike(gone, come)
            lines += [f"-{line}" for line in gone] + [f"+{line}" for line in come]
    if len(lines) > LONGEST:
        lines = [*lines[:LONGEST], f"({len(lines) - LONGEST} more lines)"]
    return lines


def _alike(gone: list[str], come: list[str]) -> list[str]:
    """Lines that went, without what stood where those that came have a secret: the value of the same key, or
    all of a line, where no key tells which of them it was."""
    secret = [line for line in come if MASK in line]
    marks = {found["start"].strip() for line in secret if (found := _ASSIGNMENT.match(line))}
    bare = any(not _ASSIGNMENT.match(line) for line in secret)
    result = []
    for line in gone:
        found = _ASSIGNMENT.match(line)
        if found is not None and found["start"].strip() in marks:
            line = f"{found['start']}{MASK}"
        elif bare and line.strip():
            line = MASK
        result.append(line)
    return result


def _values(old: str, new: str, secrets: Collection[str], format: str) -> tuple[str, ...]:
    """All that is to be hidden, longest first: the secrets, and both sides of keys that hold or held one."""
    hidden = {secret for secret in secrets if secret}
    try:
        sides: Sequence[Mapping[str, str]] = [keys(format, text, Path("a file")) for text in (old, new)]
    except InputError:
        sides = []
    for key in {key for side in sides for key in side} if format != "text" else ():
        values = [value for side in sides if (value := side.get(key))]
        if is_telling(key) or any(secret in value for secret in hidden for value in values):
            hidden |= {part for value in values for part in (value, *value.splitlines())}
    return tuple(sorted(filter(str.strip, hidden), key=len, reverse=True))


def _masked(text: str, hidden: Sequence[str]) -> list[str]:
    return list(_lines(text, hidden))


def _lines(text: str, hidden: Sequence[str]) -> Iterator[str]:
    """Line by line, as many as there were. What belongs to a telling key by its indentation goes with it."""
    below: int | None = None
    in_block = False
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if _BLOCK.search(line):
            in_block = "BEGIN" in line
            yield line if line.startswith("-----") else MASK
            continue
        if in_block or (below is not None and line.strip() and indent > below):
            yield f"{line[:indent]}{MASK}"
            continue
        below = None
        found = _ASSIGNMENT.match(line)
        if found and is_telling(found["key"]):
            below = indent
            line = f"{found['start']}{MASK}" if found["value"] else line
        line = _INLINE.sub(_inline, line)
        line = _LOGIN.sub(rf"\g<start>{MASK}", line)
        for value in hidden:
            line = line.replace(value, MASK)
        yield line


def _inline(found: re.Match[str]) -> str:
    """A key and its value inside a line of JSON."""
    return f'{found["start"]}"{MASK}"' if is_telling(found["key"]) else found[0]
