"""Asking endpoints, with real sockets."""

import http.server
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kolla.host import endpoint
from kolla.host.errors import OperationFailed


@contextmanager
def serving(handler) -> Iterator[int]:
    with socketserver.TCPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def operation(port, **how):
    return {
        "address": "127.0.0.1",
        "port": port,
        "http": None,
        "send": None,
        "greets": False,
        "timeout": 1,
        **how,
    }


class Greeter(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"hello")


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        if self.request.recv(16) == b"ping\r\n\xff":
            self.request.sendall(b"pong")


def answering(status):
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/healthcheck" else 599)
            self.end_headers()

        def log_message(self, *_):
            pass

    return Answer


def test_a_greeting_is_an_answer():
    with serving(Greeter) as port:
        assert endpoint.ask(operation(port, greets=True), 2) is None


def test_silence_is_none():
    with serving(Echo) as port:
        assert endpoint.ask(operation(port, greets=True), 0.2) is not None
        assert endpoint.ask(operation(port), 1) is None
        assert endpoint.ask(operation(port, send=r"ping\r\n\xff"), 2) is None
        reason = endpoint.ask(operation(port, send="else"), 2)
        assert reason == "the connection was closed without a word"


@pytest.mark.parametrize(("status", "reason"), [(200, None), (401, None), (503, "HTTP status 503")])
def test_http(status, reason):
    with serving(answering(status)) as port:
        assert endpoint.ask(operation(port, http="/healthcheck"), 2) == reason


def test_http_needs_http():
    with serving(Greeter) as port:
        assert endpoint.ask(operation(port, http="/"), 2) is not None


def test_waits_for_it_and_says_why_not():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(OperationFailed, match=rf"127.0.0.1:{port} did not answer within 1 s: .*refused"):
        endpoint.perform(operation(port), None)


def test_appearing_late():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        timer = threading.Timer(0.3, server.listen)
        timer.start()
        endpoint.perform(operation(server.getsockname()[1], timeout=10), None)


@pytest.mark.parametrize(
    ("text", "data"), [(r"a\r\n", b"a\r\n"), (r"\x00\xff", b"\x00\xff"), ("plain", b"plain")]
)
def test_escapes(text, data):
    assert endpoint.unescape(text) == data
