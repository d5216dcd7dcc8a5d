"""A client of the database, run where the services run: writes rows until it is told to end, and counts them.

Not imported by tests: they run its text in a container of keystone, which has the library.
`write HOST PASSWORD FILE`: until FILE is gone, one row after the other, each again until it is acknowledged;
prints {"written", "longest"}: rows acknowledged, and the longest one took in seconds.
`count HOST PASSWORD` prints {"rows"}.
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


def connect(host: str, password: str) -> Any:
    return pymysql.connect(
        host=host,
        user="root",
        password=password,
        autocommit=True,
        connect_timeout=TIMEOUT,
        read_timeout=TIMEOUT,
        write_timeout=TIMEOUT,
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


if __name__ == "__main__":
    verb, host, password, *flag = sys.argv[1:]
    print(json.dumps(write(host, password, Path(flag[0])) if verb == "write" else count(host, password)))
