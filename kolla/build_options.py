"""The options of the builder, declared once as data: the command line, kolla-build.conf and its sample, and
the settings they stand for are all made of these declarations.

Read without the settings themselves, so that `kolla build --help` need not import those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent / "settings"
KEYS = _DATA / "keys.yml"
"""Keys of globals.yml; those of the section `Images` are options as well, and others that say so."""
RUN = _DATA / "build.yml"
"""Options that are about one run."""
SECTION = "Images"


@dataclass(frozen=True)
class BuildOption:
    """An option of `kolla build`: `--skip-parents`, `skip_parents = true` in kolla-build.conf."""

    name: str
    key: str | None
    """The key of globals.yml it sets; None when it is about one run."""
    declared: Mapping[str, Any]
    """What its declaration says of it, in the words of a setting."""

    @property
    def type(self) -> str:
        """What values it takes; `list` may be given several times."""
        return str(self.declared.get("type", "string"))

    @property
    def flag(self) -> str:
        """How it is written on the command line."""
        return f"--{self.name.replace('_', '-')}"


@cache
def build_options() -> tuple[BuildOption, ...]:
    """Every option there is, those about one run first. Mappings are none: they have their place in
    globals.yml."""
    return (*_of_runs(), *_of_keys())


def _of_runs() -> Iterator[BuildOption]:
    for name, declared in _read(RUN).items():
        yield BuildOption(name, None, declared)


def _of_keys() -> Iterator[BuildOption]:
    for section, keys in _read(KEYS).items():
        for key, declared in keys.items():
            is_option = section == SECTION or "option" in declared
            if is_option and declared.get("type") != "mapping":
                yield BuildOption(declared.get("option", key), key, declared)


def _read(path: Path) -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, Any] = yaml.load(path.read_text(), loader)
    return found
