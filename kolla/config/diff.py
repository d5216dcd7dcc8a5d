"""What changed in a configuration file, key by key, and which layer is the cause."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kolla.config.merge import Merged, keys
from kolla.errors import InputError


@dataclass(frozen=True)
class Change:
    """One key (or line) that differs."""

    key: str
    """`[token] expiration`, a path in YAML or JSON, or `line 12`."""
    old: str | None
    """None: it was not there."""
    new: str | None
    """None: it is there no longer."""
    layer: str | None
    """Name of the layer the new value is from."""
    settings: str = ""
    """The settings that the layer makes the new value from, and where they are set."""

    def __str__(self) -> str:
        source = f", set by {self.layer}" if self.layer else ""
        if source and self.settings:
            source += f" from {self.settings}"
        return f"{self.key} {difference(self.old, self.new)}{source}"


def changes(format: str, old_text: str | None, new: Merged) -> tuple[Change, ...]:
    """The keys in which the file on a host differs from the merged one.

    Empty for a new file (`old_text` None), which has nothing to compare, and where only layout
    differs. A file on the host that no longer parses is compared line by line.
    """
    if old_text is None:
        return ()
    if format != "text":
        file = Path("the file on the host")
        try:
            return tuple(_by_key(keys(format, old_text, file), keys(format, new.text, file), new))
        except InputError:
            pass
    return tuple(_by_line(old_text, new))


def difference(old: str | None, new: str | None) -> str:
    """`old -> new`; of two lists of mappings (JSON) only the items that went (-) and that came (+)."""
    went, came = _items(old), _items(new)
    if went and came and went != came:
        parts = [f"- {item}" for item in went if item not in came]
        parts += [f"+ {item}" for item in came if item not in went]
        if parts:
            return ", ".join(parts)
    return f"{_value(old)} -> {_value(new)}"


def _items(value: str | None) -> list[str]:
    """The items of a list of mappings; empty for anything else."""
    if value is None or not value.startswith("[{"):
        return []
    try:
        return [json.dumps(item) for item in json.loads(value)]
    except ValueError:
        return []


def _by_key(old: dict[str, str], now: dict[str, str], new: Merged) -> Iterator[Change]:
    for key in dict.fromkeys((*now, *old)):
        if old.get(key) != now.get(key):
            layer = new.origins.get(key)
            yield Change(key, old.get(key), now.get(key), layer, _of_key(key, new.settings.get(layer or "")))


def _by_line(old_text: str, new: Merged) -> Iterator[Change]:
    old, now = old_text.splitlines(), new.text.splitlines()
    layer = new.origins.get("")
    for tag, i, j, k, m in difflib.SequenceMatcher(None, old, now, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for offset in range(max(j - i, m - k)):
            before = old[i + offset] if i + offset < j else None
            after = now[k + offset] if k + offset < m else None
            # A line is counted where it stands now; one that is gone, where it stood.
            number = k + offset + 1 if after is not None else i + offset + 1
            settings = _of_line(after, new.settings.get(layer or ""))
            yield Change(f"line {number}", _bare(before), _bare(after), layer, settings)


def _of_key(key: str, settings: Mapping[str, str] | None) -> str:
    """The settings behind a key: those of the template's line that begins with it."""
    name = key.rpartition("] ")[2].rpartition(".")[2]
    for beginning, source in (settings or {}).items():
        if beginning.rstrip(" =:\"'").lstrip("\"'") == name:
            return source
    return ""


def _of_line(line: str | None, settings: Mapping[str, str] | None) -> str:
    """The settings behind a line: those of the template's line with the longest beginning it shares."""
    found = [b for b in settings or {} if line is not None and line.strip().startswith(b)]
    return (settings or {})[max(found, key=len)] if found else ""


def _bare(line: str | None) -> str | None:
    return line.strip() if line is not None else None


def _value(value: str | None) -> str:
    if value is None:
        return "unset"
    return value.replace("\n", " ") or "(empty)"
