"""Health checks run by the engine: as root, beside a process of another user, without SYS_PTRACE."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from docker.models.containers import Container

from .conftest import Launcher, execute

SERVER = """
import http.server, socket, threading
server = http.server.HTTPServer(("127.0.0.1", 8080), http.server.SimpleHTTPRequestHandler)
six = socket.create_server(("::1", 8081), family=socket.AF_INET6)
unix = socket.socket(socket.AF_UNIX)
unix.bind("/var/lib/app/socket")
unix.listen()
clients = [socket.create_connection(("::1", 8081)) for _ in range(2)]
open("/var/lib/app/ready", "w")
print("serving", flush=True)
server.serve_forever()
"""


@pytest.fixture
def container(launcher: Launcher) -> Iterator[Container]:
    launcher.write("app-server", SERVER)
    command = "python3 /var/lib/app/app-server"
    launcher.configure(command, {"source": "app-server", "dest": "/var/lib/app/"})
    container = launcher.start(sysctls={"net.ipv6.conf.all.disable_ipv6": "0"})
    deadline = time.monotonic() + 20
    while b"serving" not in container.logs():
        assert time.monotonic() < deadline, container.logs().decode()
        time.sleep(0.05)
    yield container


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("healthcheck_listen app-server 8080", 0),
        ("healthcheck_listen app-server 8081", 0),
        ("healthcheck_listen 8080", 0),
        ("healthcheck_listen python3 8080", 0),
        ("healthcheck_listen other 8080", 1),
        ("healthcheck_listen app-server 8082", 1),
        ("healthcheck_port app-server 8081", 0),
        ("healthcheck_port app-server 8080", 1),
        ("healthcheck_port app-server 8081 2", 0),
        ("healthcheck_port app-server 8081 3", 1),
        ("healthcheck_socket app-server /var/lib/app/socket", 0),
        ("healthcheck_socket app-server /var/lib/app/other", 1),
        ("healthcheck_filemod 60 /var/lib/app/ready", 0),
        ("healthcheck_filemod 60 /etc/passwd-absent", 1),
        ("healthcheck_curl http://127.0.0.1:8080/", 0),
        ("healthcheck_curl http://127.0.0.1:8080/absent", 1),
        ("healthcheck_curl http://127.0.0.1:8083/", 1),
    ],
)
def test_check(container: Container, command: str, status: int) -> None:
    found, output = execute(container, *command.split())
    assert found == status, output
