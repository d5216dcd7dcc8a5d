"""A client of the database, run where the services run: writes rows until it is told to end, and counts them.

Not imported by tests: they run its text in a container of keystone, which has the library.
`write HOST PASSWORD FILE`: until FILE is gone, one row after the other, each again until it is acknowledged;
prints {"written", "longest"}: rows acknowledged, and the longest one took in seconds.
`count HOST PASSWORD` prints {"rows"}.
`wait HOST PASSWORD SECONDS`: a query that takes so long; prints {"answered", "seconds"}: whether there was an
answer, and after how many seconds that was known.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pymysql

TIMEOUT = 5
"""Seconds for an answer, before it is asked again."""
DATABASE = "kolla_test"


def connect(host: str, password: str, patience: int | None = TIMEOUT) -> Any:
    return pymysql.connect(
        host=host,
        user="root",
        password=password,
        autocommit=True,
        connect_timeout=TIMEOUT,
        read_timeout=patience,
        write_timeout=patience,
    )


def insert(host: str, password: str, number: int, connection: Any) -> Any:
    """Have the row, however often that has to be tried; the connection to go on with."""
    while True:
        try:
            connection = connection or connect(host, password)
            # One that was written, and of which only the acknowledgement was lost, is there already.
            connection.cursor().execute(f"REPLACE INTO {DATABASE}.written VALUES ({number})")
            return connection
        except (pymysql.Error, OSError):
            connection = None
            time.sleep(0.1)


def write(host: str, password: str, flag: Path) -> dict[str, Any]:
    connection = connect(host, password)
    connection.cursor().execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
    connection.cursor().execute(f"CREATE OR REPLACE TABLE {DATABASE}.written (number INT PRIMARY KEY)")
    flag.touch()
    number, longest = 0, 0.0
    while flag.exists():
        begun = time.monotonic()
        connection = insert(host, password, number, connection)
        longest = max(longest, time.monotonic() - begun)
        number += 1
    return {"written": number, "longest": round(longest, 1)}


def count(host: str, password: str) -> dict[str, Any]:
    cursor = connect(host, password).cursor()
    cursor.execute(f"SELECT COUNT(*) FROM {DATABASE}.written")
    return {"rows": cursor.fetchone()[0]}


def wait(host: str, password: str, seconds: int) -> dict[str, Any]:
    # As the libraries of OpenStack's services, which set no limit to a query.
    cursor = connect(host, password, patience=None).cursor()
    begun, answered = time.monotonic(), True
    try:
        cursor.execute(f"SELECT SLEEP({seconds})")
    except (pymysql.Error, OSError):
        answered = False
    return {"answered": answered, "seconds": round(time.monotonic() - begun, 1)}


def main(verb: str, host: str, password: str, *words: str) -> dict[str, Any]:
    match verb:
        case "write":
            return write(host, password, Path(words[0]))
        case "wait":
            return wait(host, password, int(words[0]))
        case _:
            return count(host, password)


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
