"""What is in a server: its tables, and whether a copy has all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from server import Client, Fault

OWN = "('information_schema', 'performance_schema', 'sys', 'mysql')"
"""Databases of the server itself."""
AT_ONCE = 100
"""Tables counted in one statement."""

Rows = Mapping[str, int]
"""`database.table` -> rows."""


@dataclass(frozen=True)
class Seen:
    """Tables as they were at one moment, or over the moments that looking took."""

    rows: Rows
    quiet: frozenset[str]
    """Those that nobody had written to since the moment asked about."""


def now(client: Client) -> str:
    """The server's clock."""
    return client.query("SELECT NOW()")[0][0]


def look(client: Client, since: str) -> Seen:
    """Count the rows of every table; `since` (of `now`): from when on a write makes a table not quiet."""
    known = client.query(
        "SELECT table_schema, table_name,"
        f" COALESCE(GREATEST(COALESCE(update_time, create_time), create_time) < '{since}', 0)"
        " FROM information_schema.tables"
        f" WHERE table_type = 'BASE TABLE' AND table_schema NOT IN {OWN} ORDER BY 1, 2"
    )
    names = [(database, table) for database, table, _ in known]
    rows: dict[str, int] = {}
    for begin in range(0, len(names), AT_ONCE):
        part = names[begin : begin + AT_ONCE]
        counts = client.query(
            " UNION ALL ".join(f"SELECT COUNT(*) FROM {quote(d)}.{quote(t)}" for d, t in part)
        )
        rows |= {f"{d}.{t}": int(count) for (d, t), (count,) in zip(part, counts, strict=True)}
    quiet = {f"{database}.{table}" for database, table, still in known if still == "1"}
    return Seen(rows, frozenset(quiet))


def compare(before: Seen, after: Seen, copied: Rows) -> None:
    """Fault unless a copy made between two looks at a server in use has what it must have.

    Every table that was there all the time; and of those nobody wrote to meanwhile every row. Others have as
    many as they had at a moment nobody else knows.
    """
    missing = sorted((before.rows.keys() & after.rows.keys()) - copied.keys())
    if missing:
        raise Fault(f"the backup lacks {listed(missing)}")
    for table in sorted(after.quiet & before.rows.keys()):
        if before.rows[table] == after.rows[table] != copied[table]:
            raise Fault(f"the backup has {copied[table]} rows of {table}, the server {after.rows[table]}")


def compare_exactly(wanted: Rows, found: Rows) -> None:
    """Fault unless both are the same."""
    different = sorted(t for t in wanted.keys() | found.keys() if wanted.get(t) != found.get(t))
    if different:
        raise Fault(f"what came back is not what was kept: {listed(different)}")


def check(client: Client) -> None:
    """Have the server read every table with all its indexes; Fault for those that are broken."""
    names = client.query(
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
        " AND engine IN ('InnoDB', 'Aria', 'MyISAM')"
    )
    broken = set()
    for begin in range(0, len(names), AT_ONCE):
        part = ", ".join(f"{quote(d)}.{quote(t)}" for d, t in names[begin : begin + AT_ONCE])
        said = client.query(f"CHECK TABLE {part}")
        broken |= {
            name for name, _, kind, text in said if kind.lower() == "error" or "corrupt" in text.lower()
        }
    if broken:
        raise Fault(f"broken: {listed(sorted(broken))}")


def listed(names: list[str]) -> str:
    """A few names, and how many there are besides."""
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def quote(name: str) -> str:
    """An identifier of SQL."""
    return "`" + name.replace("`", "``") + "`"
