"""Docker as it answers over HTTP: a server that says what an engine in trouble says."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import docker
import pytest

from kolla.errors import KollaError
from kolla.images.engine import Engine, digest_of
from kolla.images.engine_docker import Docker
from kolla.images.processes import Cancelled
from kolla.images.registry import Registry, RegistryError

Answers = dict[str, tuple[int, bytes]]
"""A part of the address -> status and content; anything else is answered with an error of the engine."""

UNFINISHED = b"..."
"""At the end of a content: it is announced, and does not come."""

HELD = b"held"
"""At the end of a content: what follows does not come before the test ends."""


@pytest.fixture
def answers() -> Answers:
    return {}


@pytest.fixture
def engine(answers: Answers) -> Iterator[Docker]:
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            broken = (500, json.dumps({"message": "write /db: no space left on device"}).encode())
            status, content = next((a for part, a in answers.items() if part in self.path), broken)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(content.removesuffix(UNFINISHED).removesuffix(HELD))
            if content.endswith(HELD):
                ended.wait()
            self.close_connection = True

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.server_port}"
        yield Docker(docker.DockerClient(base_url=address, version="1.41"))
        ended.set()
        server.shutdown()


@pytest.mark.parametrize(
    "ask",
    [
        lambda engine: engine.images(),
        lambda engine: engine.size("sha256:aa"),
        lambda engine: engine.tag("sha256:aa", "kolla/a:b"),
        lambda engine: engine.untag("kolla/a:b"),
        lambda engine: engine.pull("debian:13"),
        lambda engine: engine.push("r.example/kolla/a:b", Registry("r.example")),
        lambda engine: list(engine.archives("sha256:aa", ["/etc"])),
        lambda engine: engine.require_space(Path("/")),
    ],
)
def test_what_an_engine_refuses_is_no_defect_of_ours(engine: Docker, ask: Callable[[Engine], object]) -> None:
    with pytest.raises(KollaError, match="no space left on device"):
        ask(engine)


def test_an_archive_that_breaks_off_is_told(engine: Docker, answers: Answers) -> None:
    answers["/archive"] = (200, b"half of it" + UNFINISHED)
    answers["/containers/create"] = (201, b'{"Id": "c"}')
    answers["/containers/c"] = (204, b"")
    with pytest.raises(KollaError, match="cannot read sha256:aa"):
        for _, pieces in engine.archives("sha256:aa", ["/etc"]):
            list(pieces)


def test_a_registry_that_is_busy_is_asked_again(engine: Docker, answers: Answers) -> None:
    answers["/images/create"] = (
        500,
        b'{"message": "received unexpected HTTP status: 503 Service Unavailable"}',
    )
    with pytest.raises(RegistryError, match="503 Service Unavailable") as caught:
        engine.pull("debian:13")
    assert not caught.value.final


DIGESTS = ["mirror.example:5000/debian@sha256:11", "debian@sha256:22", "quay.io/debian@sha256:33"]


@pytest.mark.parametrize(
    ("reference", "digest"),
    [
        ("debian:13", "debian@sha256:22"),
        ("docker.io/library/debian:13", "debian@sha256:22"),
        ("mirror.example:5000/debian", "mirror.example:5000/debian@sha256:11"),
        ("quay.io/debian:13", "quay.io/debian@sha256:33"),
    ],
)
def test_the_digest_is_that_of_the_repository_that_was_asked(reference: str, digest: str) -> None:
    assert digest_of(reference, DIGESTS) == digest


def test_a_digest_of_podman_s_is_found_under_its_full_name() -> None:
    assert (
        digest_of("debian:13", ["docker.io/library/debian@sha256:22"]) == "docker.io/library/debian@sha256:22"
    )


def test_no_digest_of_that_repository_is_an_error() -> None:
    with pytest.raises(KollaError, match=r"other\.example/debian:13"):
        digest_of("other.example/debian:13", DIGESTS)


def test_pull_gives_the_digest_of_the_repository_that_was_asked(engine: Docker, answers: Answers) -> None:
    answers["/images/create"] = (200, b"")
    answers["/json"] = (200, json.dumps({"Id": "sha256:aa", "RepoDigests": DIGESTS}).encode())
    assert engine.pull("debian:13") == "debian@sha256:22"


@pytest.mark.parametrize(
    ("part", "ask"),
    [
        ("/push", lambda engine: engine.push("r.example/kolla/a:b", Registry("r.example"))),
        ("/images/create", lambda engine: engine.pull("debian:13")),
    ],
)
def test_what_the_engine_is_still_at_ends_when_the_run_is_given_up(
    engine: Docker, answers: Answers, part: str, ask: Callable[[Engine], object]
) -> None:
    answers[part] = (200, b'{"status": "Pushing"}\r\n' + HELD)
    given_up = threading.Timer(0.5, engine.cancel)
    given_up.start()
    with pytest.raises(Cancelled):
        ask(engine)
    given_up.join()
    with pytest.raises(Cancelled):
        ask(engine)
