"""What the scripts of the storage share: asking the cluster, and asking a daemon of this container."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CONFIGURATION = Path("/etc/ceph/ceph.conf")
PATIENCE = 30
"""Seconds for the cluster to let somebody in, and for each of its answers."""


class Refused(Exception):
    """What the cluster, or we ourselves, do not do, and why."""


class Cluster:
    """A cluster that was reached."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def ask(self, prefix: str, data: str = "", **arguments: Any) -> Any:
        """What the monitors answer: JSON where it is, else text. Refused when they do not do it."""
        return self._said(self._connection.mon_command, prefix, data, arguments)

    def ask_manager(self, prefix: str, **arguments: Any) -> Any:
        """The same of the manager, who counts what the disks tell it."""
        return self._said(self._connection.mgr_command, prefix, "", arguments)

    @staticmethod
    def _said(command: Any, prefix: str, data: str, arguments: dict[str, Any]) -> Any:
        words = json.dumps({"prefix": prefix, "format": "json", **arguments})
        status, answer, message = command(words, data.encode(), timeout=PATIENCE)
        if status:
            raise Refused(f"{prefix}: {message or f'error {-status}'}")
        try:
            return json.loads(answer)
        except ValueError:
            return answer.decode(errors="replace")


@contextmanager
def reached(user: str = "admin", patience: int = PATIENCE) -> Iterator[Cluster]:
    """The cluster, as one of its users. Refused when there is no answer in time."""
    import rados  # the distribution's, of the cluster's own version

    connection = rados.Rados(
        name=f"client.{user}",
        conffile=str(CONFIGURATION),
        conf={"keyring": f"/etc/ceph/ceph.client.{user}.keyring", "client_mount_timeout": str(patience)},
    )
    try:
        connection.connect(timeout=patience)
    except rados.Error as error:
        raise Refused(f"the cluster does not answer: {error}") from None
    try:
        yield Cluster(connection)
    finally:
        connection.shutdown()


def ask_daemon(path: Path, prefix: str, timeout: float = 5) -> Any:
    """What a daemon says on its socket: a command ends with a zero byte, an answer begins with its length.

    OSError, or ValueError for what is no answer.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(str(path))
        connection.sendall(json.dumps({"prefix": prefix, "format": "json"}).encode() + b"\0")
        stream = connection.makefile("rb")
        head = stream.read(4)
        if len(head) < 4:
            raise ValueError("no answer")
        return json.loads(stream.read(struct.unpack(">I", head)[0]))


def replace(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, for its owner alone."""
    new = path.with_name(f".{path.name}.new")
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(path)
