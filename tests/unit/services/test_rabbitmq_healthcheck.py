"""The health check of the message bus, against sockets that answer as a server may."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.unit.services.scripts import load

SCRIPT = load("rabbitmq", "kolla_rabbitmq_healthcheck")
METHOD = b"\x01\x00\x00\x00\x00\x01\xf8"
"""Type method, channel 0, 504 bytes: as RabbitMQ 4 begins its answer."""


@contextmanager
def server(answer: bytes) -> Iterator[int]:
    """Something on a port that reads a client's header and answers once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(8) == b"AMQP\x00\x00\x09\x01"
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


def test_a_server_that_begins_a_connection_is_healthy() -> None:
    with server(METHOD + b"\x00\x0a\x00\x0a\x00\x09") as port:
        assert SCRIPT.check("127.0.0.1", port) is None


@pytest.mark.parametrize("answer", [b"", b"AMQP\x00\x00\x09\x01", METHOD + b"\x00\x0a\x00\x32\x00\x09"])
def test_any_other_answer_is_not(answer: bytes) -> None:
    with server(answer) as port:
        assert "AMQP" in (SCRIPT.check("127.0.0.1", port) or "")


def test_nor_is_one_that_does_not_listen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert f"127.0.0.1:{port}" in (SCRIPT.check("127.0.0.1", port) or "")
