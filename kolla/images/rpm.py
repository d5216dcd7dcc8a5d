"""Reading the database of rpm without rpm: an SQLite file, one header for each package.

A header is as in the file format of packages ("Header Structure" in rpm's own documentation, format_v4):
two counts, an index of 16 bytes for each value, and the values.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator, Mapping
from contextlib import closing

TAGS: Mapping[int, str] = {
    1000: "name",
    1001: "version",
    1002: "release",
    1003: "epoch",
    1014: "license",
    1022: "arch",
    1044: "sourcerpm",
}
"""What is read of a header; rpmtag.h."""

_INT32, _STRING = 4, 6
_INDEX = struct.Struct(">4I")
_KEYS = "gpg-pubkey"
"""The name under which the database keeps keys, which are no packages."""


def installed(database: bytes) -> Iterator[dict[str, str]]:
    """The packages in a database, each by the words of TAGS; empty when it is not one."""
    # The file says that its changes may lie in a second one, which SQLite then misses in memory
    # (sqlite.org/fileformat2.html, "File format version numbers").
    data = database[:18] + b"\1\1" + database[20:]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(data)
        try:
            blobs = connection.execute("SELECT blob FROM Packages").fetchall()
        except sqlite3.DatabaseError:
            return
    for (blob,) in blobs:
        header = _header(blob)
        if header.get("name") not in (None, _KEYS):
            yield header


def _header(blob: bytes) -> dict[str, str]:
    count, _ = struct.unpack_from(">2I", blob)
    values = 8 + count * _INDEX.size
    found = {}
    for tag, kind, offset, _ in _INDEX.iter_unpack(blob[8:values]):
        place = values + offset
        if tag in TAGS and kind == _STRING:
            found[TAGS[tag]] = blob[place : blob.index(b"\0", place)].decode(errors="replace")
        elif tag in TAGS and kind == _INT32:
            found[TAGS[tag]] = str(struct.unpack_from(">I", blob, place)[0])
    return found
