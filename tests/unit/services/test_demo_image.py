"""The image of `kolla init-runonce`: fetched whole or not at all, and small enough for the flavour."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .scripts import load


@pytest.fixture(scope="module")
def download() -> ModuleType:
    return load("demo", "download.py")


@pytest.fixture(scope="module")
def room() -> ModuleType:
    return load("demo", "room.py")


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The address of a server that answers one request with these bytes, and hangs up."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(answer)

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/image.qcow2"
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole",
        b"HTTP/1.1 200 OK\r\n\r\nwhole",  # its end is that of the connection
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n",
    ],
)
def test_what_comes_as_a_whole_is_taken(download: ModuleType, tmp_path: Path, answer: bytes) -> None:
    with answering(answer) as url:
        download.fetch(url, tmp_path / "image")
    assert (tmp_path / "image").read_bytes() == b"whole"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\nQFI\xfb and no more",
            "the connection ended after 16 of 3000000 bytes",
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nQFI", "bytes read"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"),
        (b"", "closed connection"),
    ],
)
def test_anything_else_is_no_image(download: ModuleType, tmp_path: Path, answer: bytes, said: str) -> None:
    with answering(answer) as url, pytest.raises(download.Failed, match=said):
        download.fetch(url, tmp_path / "image")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:port/image", "http://127.0.0.1/my image", "http://[::1/image", "http:///image"]
)
def test_an_address_that_is_none_is_said_to_be(download: ModuleType, tmp_path: Path, url: str) -> None:
    with pytest.raises(download.Failed, match=r"."):
        download.fetch(url, tmp_path / "image")


def settings(server: str | None, **disks: int) -> dict[str, Any]:
    flavors = [{"name": name, "vcpus": 1, "ram": 512, "disk": disk} for name, disk in disks.items()]
    return {"flavors": flavors, "server": server and {"name": "demo1", "flavor": server}}


def test_an_image_larger_than_the_servers_disk_is_refused(room: ModuleType) -> None:
    said = room.lack(settings("tiny", tiny=1, small=20, large=80, same=0), 30)
    assert said == (
        "the image needs a disk of 30 GiB, and demo_server_flavor tiny has 1 GiB; "
        "expected: one of large, same"
    )
    assert room.lack(settings("tiny", tiny=1), 2).endswith(
        "expected: a flavour in demo_flavors with such a disk"
    )


def test_without_a_server_every_image_is_welcome(room: ModuleType) -> None:
    assert room.lack(settings(None, tiny=1), 30) is None


@given(disk=st.integers(0, 100), image=st.integers(0, 100))
def test_what_fits_is_taken(room: ModuleType, disk: int, image: int) -> None:
    assert (room.lack(settings("only", only=disk), image) is None) == (disk == 0 or image <= disk)
