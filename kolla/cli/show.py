"""Showing what a verb returned: as JSON for programs, in words or as a table for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import click

GAP = "  "


class Result(Protocol):
    """What every verb of `kolla.api` returns."""

    @property
    def exit_code(self) -> int:
        """One of `kolla.cli.failure.EXIT_CODES`."""

    def to_json(self) -> Any:
        """A document of mappings, lists, strings, numbers, booleans and None."""


@runtime_checkable
class Worded(Protocol):
    """A result that has words of its own for people; one without is a table."""

    def text(self) -> str:
        """What to print."""


def show(result: Result, output_format: str) -> None:
    """Print a result on standard output."""
    if output_format == "json":
        click.echo(json.dumps(result.to_json(), indent=2))
    elif isinstance(result, Worded):
        if text := result.text():
            click.echo(text)
    else:
        for line in (*table(result.to_json()), *getattr(result, "notes", ())):
            click.echo(line)


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Aligned columns under their keys; columns that are empty in every row are left out."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    cells = {key: [_cell(row.get(key)) for row in rows] for key in keys}
    columns = [[key.replace("_", " ").upper(), *cells[key]] for key in keys if any(cells[key])]
    widths = [max(len(cell) for cell in column) for column in columns]
    return [
        GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in zip(*columns, strict=True)
    ]


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def duration(seconds: float) -> str:
    """`4.2s` below a minute, else `3m05s`."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02d}s"
