"""Small files from the web, from a server that is not always well."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from kolla.catalogue.distribution import Distribution
from kolla.errors import InputError
from kolla.images import package_index, retry
from kolla.images.download import FetchError, read_url
from kolla.images.lock import read_constraints
from kolla.images.options import Options, Transport


class Server:
    """Answers with `statuses`, one after the other, and then with 200."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.asked: list[str] = []
        self.address = ""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.0)
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            self.send_response(state.statuses.pop(0) if state.statuses else 200)
            self.end_headers()
            self.wfile.write(b"keystone===29.0.0\n")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        state.address = f"http://127.0.0.1:{listening.server_port}"
        yield state
        listening.shutdown()


Read = Callable[[str, int], object]


def fetch(url: str, retries: int) -> object:
    return package_index.fetcher(Transport(), retries)(url)


@pytest.mark.parametrize(
    "read",
    [
        lambda url, retries: read_url(url, Transport(), retries),
        lambda url, retries: read_constraints(url, Transport(), retries),
        fetch,
    ],
    ids=["url", "constraints", "index"],
)
def test_a_server_that_is_busy_is_asked_again(server: Server, read: Read) -> None:
    server.statuses = [503, 502]
    assert "keystone" in str(read(f"{server.address}/x", 2))
    assert server.asked == ["/x"] * 3
    server.statuses = [503, 503]
    with pytest.raises((FetchError, InputError), match="503"):
        read(f"{server.address}/x", 1)


def test_what_is_not_there_is_asked_for_once(server: Server) -> None:
    server.statuses = [404, 404]
    with pytest.raises(FetchError, match="404"):
        read_url(f"{server.address}/x", Transport(), 3)
    assert server.asked == ["/x"]


def test_indexes_are_asked_for_as_often_as_the_settings_say(server: Server) -> None:
    server.statuses = [503] * 99
    transport = Transport({"debian_mirror": server.address, "debian_security_mirror": server.address})
    options = Options("2026.1", Distribution.named("debian", "13"), transport=transport, retries=2)
    with pytest.raises(FetchError, match="503"):
        package_index.names(options)
    assert server.asked.count(server.asked[0]) == 3
