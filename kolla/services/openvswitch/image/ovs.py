"""What the programs of the switch have in common: its sockets, its database, what one leaves for the next."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

SOCKETS = "/run/openvswitch"
DATABASE = f"unix:{SOCKETS}/db.sock"
CONTROL = f"{SOCKETS}/ovs-vswitchd.ctl"
LOGGING = ("-vconsole:info", "-vsyslog:off", "-vfile:off")
PATIENCE = 60
"""Seconds that the database, or the end of another process, may take."""
ANSWER_SECONDS = 5
KEPT_SECONDS = 60
"""How long what one process has left is taken for what is."""


class Fault(Exception):
    """A program fails, or something does not get there in time."""


def run(*command: str, input: str | None = None) -> str:
    """What a command prints; Fault when it fails."""
    result = subprocess.run(command, input=input, capture_output=True, text=True)
    if result.returncode != 0:
        raise Fault(f"{' '.join(command)}: {' '.join(result.stderr.split())}")
    return result.stdout


def answers(path: str) -> bool:
    """Whether somebody listens on a unix socket; one that was killed leaves it behind."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(path)
        except OSError:
            return False
        return True


def ask(path: str, method: str, *parameters: Any) -> Any:
    """What a server answers by JSON-RPC 1.0, as databases (RFC 7047, section 4) and all daemons of Open
    vSwitch (ovs-appctl(8)) speak it at their sockets; without a program that would have to be started. Fault
    when it refuses or does not answer."""
    request = json.dumps({"method": method, "params": parameters, "id": 0})
    answer, decoder = "", json.JSONDecoder()
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(path)
            connection.sendall(request.encode())
            while part := connection.recv(65536):
                answer += part.decode()
                # There is no mark at the end of a message.
                with contextlib.suppress(json.JSONDecodeError):
                    message, _ = decoder.raw_decode(answer)
                    if message["error"] is not None:
                        raise Fault(f"{path}: {method}: {message['error']}")
                    return message["result"]
    except OSError as error:
        raise Fault(f"{path}: {method}: {error}") from None
    raise Fault(f"{path}: {method}: no answer")


def bfd() -> str:
    """What the switch knows of who lives. Its database may still say what another one knew."""
    return run("ovs-appctl", "--timeout=5", "-t", CONTROL, "bfd/show")


def sees_others() -> bool:
    """Whether the switch knows that all live who tell it that they do."""
    return "Forwarding: false" not in bfd()


def await_end(control: str, what: str) -> None:
    """Wait until no other process answers there: this one is started while the one before it still works."""
    deadline = time.monotonic() + PATIENCE
    while answers(control):
        if time.monotonic() > deadline:
            raise Fault(f"another {what} goes on working: it answers at {control}")
        time.sleep(0.01)


def handed_over(path: Path) -> Any:
    """What was written there a moment ago, as JSON, else None: what is older could be wrong. Taken once."""
    try:
        fresh = time.time() - path.stat().st_mtime < KEPT_SECONDS
        text = path.read_text()
        path.unlink()
        return json.loads(text) if fresh else None
    except (FileNotFoundError, ValueError):  # none, or the writer was killed
        return None


def prepare(database: str, schema: str) -> None:
    """Have a database, a file, that a server of this schema understands: a missing one is made, one of an
    older schema brought up to it. One of a newer schema, left by a later release, stays: it is understood."""
    if is_outdated(database, schema):
        run("ovsdb-tool", "convert", database, schema)


def is_outdated(database: str, schema: str) -> bool:
    """Whether a database is of an older schema. A missing one is made; another server may still have it."""
    if not Path(database).exists():
        run("ovsdb-tool", "create", database, schema)
    return is_older(run("ovsdb-tool", "db-version", database), run("ovsdb-tool", "schema-version", schema))


def is_older(version: str, than: str) -> bool:
    """Whether a schema's version (`8.5.0`) comes before another."""
    return [int(part) for part in version.split(".")] < [int(part) for part in than.split(".")]


def vsctl(*arguments: str, seconds: int = PATIENCE) -> str:
    """What ovs-vsctl(8) prints; it waits for the database, not for the switch."""
    return run("ovs-vsctl", f"--db={DATABASE}", f"--timeout={seconds}", "--no-wait", *arguments)


def rows(table: str, *columns: str, seconds: int = PATIENCE) -> list[dict[str, Any]]:
    """What a table of the switch's database says, in plain words."""
    options = ("--format=json", f"--columns={','.join(columns)}")
    answer = json.loads(vsctl(*options, "list", table, seconds=seconds))
    return [dict(zip(answer["headings"], map(plain, row), strict=True)) for row in answer["data"]]


def plain(value: Any) -> Any:
    """A value as such a database writes it in JSON (RFC 7047, section 5.1), without the notation."""
    if not isinstance(value, list):
        return value
    kind, content = value
    if kind == "map":
        return {plain(key): plain(item) for key, item in content}
    if kind == "set":
        return [plain(item) for item in content]
    return content
