"""The endpoint operation: wait until something answers, as seen from here."""

from __future__ import annotations

import http.client
import socket
import time

from . import listeners
from .context import Context, Outcome
from .deadline import Deadline
from .errors import OperationFailed
from .shapes import EndpointOperation

PAUSE = 0.3
ATTEMPT = 5.0
"""Seconds one attempt may take."""


def perform(operation: EndpointOperation, context: Context) -> Outcome:
    """Return once the endpoint answers; OperationFailed with the last reason when time is over."""
    deadline = Deadline(operation["timeout"])
    while True:
        reason = ask(operation, min(ATTEMPT, max(deadline.remaining, 0.1)))
        if reason is None:
            return Outcome()
        if deadline.passed:
            where = listeners.place(operation["address"], operation["port"])
            raise OperationFailed(f"{where} did not answer within {operation['timeout']} s: {reason}")
        time.sleep(PAUSE)


def ask(operation: EndpointOperation, timeout: float) -> str | None:
    """Ask once; None for an answer, else why there was none."""
    try:
        if operation["http"] is not None:
            return _ask_http(operation, operation["http"], timeout)
        return _ask_tcp(operation, timeout)
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__


def _ask_http(operation: EndpointOperation, path: str, timeout: float) -> str | None:
    connection = http.client.HTTPConnection(operation["address"], operation["port"], timeout=timeout)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    finally:
        connection.close()
    return None if status < 500 else f"HTTP status {status}"


def _ask_tcp(operation: EndpointOperation, timeout: float) -> str | None:
    with socket.create_connection((operation["address"], operation["port"]), timeout) as connection:
        if operation["send"] is not None:
            connection.sendall(unescape(operation["send"]))
        if operation["send"] is None and not operation["greets"]:
            return None
        return None if connection.recv(1) else "the connection was closed without a word"


def unescape(text: str) -> bytes:
    r"""The bytes a string with Python escapes stands for: `\r\n`, `\x00`."""
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1")
