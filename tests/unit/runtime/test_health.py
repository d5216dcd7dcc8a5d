"""The health checks, against real processes and sockets."""

from __future__ import annotations

import contextlib
import http.server
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from kolla.runtime.lib.kolla_runtime import health, processes

LIB = Path(health.__file__).parents[1]


@contextlib.contextmanager
def script(directory: Path, name: str, text: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process known by its script's name; the block begins when it has printed a line."""
    path = directory / name
    path.write_text(f"import socket, sys, time\n{text}\nprint('ready', flush=True)\ntime.sleep(60)\n")
    with subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def free_port(family: socket.AddressFamily = socket.AF_INET) -> int:
    with socket.socket(family) as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.parametrize(("family", "address"), [("AF_INET", "127.0.0.1"), ("AF_INET6", "::1")])
def test_listen(tmp_path: Path, family: str, address: str) -> None:
    port = str(free_port())
    listen = f"s = socket.socket(socket.{family}); s.bind(('{address}', {port})); s.listen()"
    assert health.listen([port]) == f"no process listens on port {port}"
    with script(tmp_path, "server-one", listen):
        assert health.listen(["server-one", port]) is None
        assert health.listen([port]) is None
        assert health.listen(["server-two", port]) == f"server-two does not listen on port {port}"
        assert health.listen(["server-one", "1"]) == "server-one does not listen on port 1"
    assert health.listen(["server-one", port]) is not None


def test_the_own_port_of_a_connection_is_not_listened_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect = f"s = socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))"
        with script(tmp_path, "client-one", connect):
            accepted, (_, own_port) = server.accept()
            assert health.listen(["client-one", str(own_port)]) is not None
            accepted.close()


def test_port_is_about_the_other_side_of_a_connection(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        with script(tmp_path, "client-one", f"s = socket.create_connection(('127.0.0.1', {port}))"):
            accepted, _ = server.accept()
            assert health.port(["client-one", port]) is None
            none = f"client-two has 0 connections to port {port}, of 1 that it needs"
            assert health.port(["client-two", port]) == none
            accepted.close()
        assert health.port(["client-one", port]) is not None


def test_port_may_be_about_several_connections_of_one_process(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        connect = f"s = [socket.create_connection(('127.0.0.1', {port})) for _ in range(2)]"
        with script(tmp_path, "client-one", connect), script(tmp_path, "client-one", connect):
            assert health.port(["client-one", port, "2"]) is None
            lacking = f"client-one has 2 connections to port {port}, of 3 that it needs"
            assert health.port(["client-one", port, "3"]) == lacking


def test_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "s.sock")
    with script(tmp_path, "server-one", f"s = socket.socket(socket.AF_UNIX); s.bind({path!r}); s.listen()"):
        assert health.socket(["server-one", path]) is None
        assert health.socket(["server-two", path]) == f"server-two does not hold {path}"
    assert health.socket(["server-one", path]) is not None


def test_filemod(tmp_path: Path) -> None:
    file = tmp_path / "f"
    assert health.filemod(["10", str(file)]) == f"{file}: No such file or directory"
    file.write_text("")
    assert health.filemod(["10", str(file)]) is None
    os.utime(file, (0, time.time() - 60))
    assert health.filemod(["10", str(file)]) == f"{file} was modified 60 seconds ago, more than 10"


class Answer(http.server.BaseHTTPRequestHandler):
    """Answers a path that is a number with that status, and remembers who asked."""

    agents: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.agents.append(self.headers["User-Agent"])
        if self.path == "/slow":
            time.sleep(1)
        self.send_response(int(self.path[1:]) if self.path[1:].isdigit() else 200)
        self.send_header("Location", "/500")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_curl_takes_a_status_below_400(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert health.curl([server]) is None
    assert health.curl([f"{server}/302"]) is None
    assert health.curl([f"{server}/404"]) == f"{server}/404: status 404"
    assert health.curl([f"{server}/503"]) == f"{server}/503: status 503"


def test_curl_takes_time_limit_and_name_from_the_environment(server: str) -> None:
    environment = {"HEALTHCHECK_CURL_MAX_TIME": "0.2", "HEALTHCHECK_CURL_USER_AGENT": "me"}
    assert health.curl([f"{server}/slow"], environment) == f"{server}/slow: timed out"
    assert health.curl([f"{server}/200"], environment) is None
    assert Answer.agents[-1] == "me"


def test_curl_on_a_closed_port() -> None:
    reason = health.curl([f"http://127.0.0.1:{free_port()}/"])
    assert reason is not None
    assert "refused" in reason


@pytest.mark.parametrize(
    ("check", "arguments"),
    [
        (health.listen, []),
        (health.listen, ["a", "b"]),
        (health.port, ["a"]),
        (health.socket, ["a", "b", "c"]),
        (health.filemod, ["x", "/"]),
        (health.curl, ["ftp://x/"]),
    ],
)
def test_misuse_shows_the_usage(
    check: health.Check,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["check", *arguments])
    assert health.run(check) == 2
    assert "healthcheck_" in capsys.readouterr().err


def test_a_process_is_known_by_comm_program_and_script(tmp_path: Path) -> None:
    with script(tmp_path, "known-script", "pass") as process:
        name = Path(f"/proc/{process.pid}/comm").read_text().strip()
        for known in (name, Path(sys.executable).name, "known-script"):
            assert process.pid in processes.find(known)
        assert process.pid not in processes.find("known")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        (
            "neutron-rpc-server: master process [/usr/bin/neutron-rpc-server --config-file /etc/x]",
            "neutron-rpc-server",
        ),
        ("neutron-server: worker (/usr/bin/python /usr/bin/neutron-rpc-server)", "neutron-server"),
        ("neutron-server: worker (/usr/bin/python /usr/bin/neutron-rpc-server)", "neutron-rpc-server"),
        ("/usr/bin/python3 /usr/bin/neutron-rpc-server --config-file /etc/x", "neutron-rpc-server"),
    ],
)
def test_a_process_is_known_by_the_title_it_gave_itself(title: str, name: str) -> None:
    # A shell that waits for its input: the title is all there is of its command line.
    renamed = ["bash", "-c", f"exec -a '{title}' sh <&0"]
    with subprocess.Popen(renamed, stdin=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + 10
            while not Path(f"/proc/{process.pid}/cmdline").read_text().startswith(title):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert process.pid in processes.find(name)
        finally:
            process.kill()


def test_a_process_is_known_by_the_first_letters_of_a_long_name() -> None:
    code = "import ctypes; ctypes.CDLL(None).prctl(15, b'neutron-rpc-ser', 0, 0, 0); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + 10
            while Path(f"/proc/{process.pid}/comm").read_text().strip() != "neutron-rpc-ser":
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert process.pid in processes.find("neutron-rpc-server")
            assert process.pid not in processes.find("neutron-rpc-other")
        finally:
            process.kill()


def test_a_check_costs_little() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    load = f"import sys; sys.path.insert(0, {str(LIB)!r}); from kolla_runtime import health"
    for _ in range(5):
        subprocess.run(["/usr/bin/python3", "-IS", "-c", f"{load}; health.listen(['x', '1'])"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert seconds / 5 < 0.06
