import contextlib
import hashlib
import io
import json
import os
import subprocess
import tarfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import docker
import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from docker.errors import ImageNotFound

from kolla.build_report import BuildReport
from kolla.catalogue import loader
from kolla.events import Event
from kolla.images.build import build
from kolla.images.overrides import customised
from kolla.settings import globals as settings

NAMESPACE = "kolla-images-test"
KEY_WORD = "a word for the key"
PATIENCE = 300
"""Seconds a condition may take to come true on a busy machine."""


def until(condition: Callable[[], object]) -> None:
    """Wait for something; fails when it does not come."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


@dataclass
class Workshop:
    """Settings, a state directory and one service of our own to build."""

    directory: Path
    settings: dict[str, object]
    events: list[Event] = field(default_factory=list)

    @property
    def state(self) -> Path:
        path = self.directory / "state"
        path.mkdir(exist_ok=True)
        return path

    @property
    def folder(self) -> Path:
        path = self.directory / "services" / "workpiece"
        (path / "image").mkdir(parents=True, exist_ok=True)
        return path

    def another(self, directory: Path, **changes: object) -> "Workshop":
        """One with services and a state of its own, where the base is not bootstrapped once more."""
        other = Workshop(directory, {**self.settings, **changes})
        for name in ("base-debian-13.json", "base-debian-13.tar"):
            if not (other.state / name).exists():
                os.link(self.state / name, other.state / name)
        return other

    def describe(self, images: str) -> None:
        """Say what the images of our own service are, as YAML below `images:`."""
        users = "  worker: {uid: 42998, home: /var/lib/worker, groups: [kolla]}\n"
        text = f"name: workpiece\ntitle: Workpiece\nusers:\n{users}images:\n{images}"
        (self.folder / "service.yml").write_text(text)

    def file(self, name: str, content: str) -> None:
        (self.folder / "image" / name).write_text(content)

    def load(self, **changes: object) -> tuple[settings.Globals, loader.Catalogue]:
        catalogue = loader.load([self.directory / "services"])
        config = self.directory / "etc"
        config.mkdir(exist_ok=True)
        (config / "globals.yml").write_text(yaml.safe_dump({**self.settings, **changes}))
        given = settings.load(config, catalogue)
        return given, customised(given)

    def build(
        self,
        *names: str,
        refresh: bool = False,
        skip_parents: bool = False,
        skip_existing: bool = False,
        **changes: object,
    ) -> BuildReport:
        self.events.clear()
        given, catalogue = self.load(**changes)
        return build(
            given,
            catalogue,
            names,
            self.state,
            refresh=refresh,
            skip_parents=skip_parents,
            skip_existing=skip_existing,
            on_event=self.events.append,
        )


@dataclass(frozen=True)
class Entry:
    """A file, directory or link of a layer."""

    kind: bytes
    mode: int
    owner: tuple[int, int]
    link: str
    sha256: str


def _entries(layer: IO[bytes] | None) -> Iterator[tuple[str, Entry]]:
    with tarfile.open(fileobj=layer) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            digest = hashlib.sha256(file.read()).hexdigest() if file else ""
            owner = (member.uid, member.gid)
            yield member.name, Entry(member.type, member.mode, owner, member.linkname, digest)


@dataclass
class Image:
    """An image taken apart."""

    client: docker.DockerClient
    id: str

    def run(self, command: str) -> str:
        """What a shell command prints inside it."""
        output = self.client.containers.run(self.id, ["-c", command], entrypoint="sh", remove=True)
        return str(output.decode())

    @cached_property
    def config(self) -> dict[str, object]:
        found: dict[str, object] = self.client.api.inspect_image(self.id)["Config"]
        return found

    def all_text(self) -> bytes:
        """Every byte it ships: all layers, configuration and history."""
        return b"".join(self._unpacked(b"".join(self.client.images.get(self.id).save())))

    def layers(self) -> list[dict[str, Entry]]:
        """What each layer adds, first to last: path -> everything about it but its time."""
        saved = b"".join(self.client.images.get(self.id).save())
        with tarfile.open(fileobj=io.BytesIO(saved)) as outer:
            manifest = outer.extractfile("manifest.json")
            assert manifest is not None
            return [dict(_entries(outer.extractfile(layer))) for layer in json.load(manifest)[0]["Layers"]]

    def unpack(self, directory: Path) -> Path:
        """Its files, below a directory that is made."""
        container = self.client.containers.create(self.id, ["-"])
        try:
            directory.mkdir()
            tar = ["tar", "--extract", "--numeric-owner", f"--directory={directory}"]
            with subprocess.Popen(tar, stdin=subprocess.PIPE) as process:
                assert process.stdin is not None
                process.stdin.writelines(container.export())
        finally:
            container.remove()
        assert process.returncode == 0
        return directory

    def _unpacked(self, archive: bytes) -> Iterator[bytes]:
        with tarfile.open(fileobj=io.BytesIO(archive)) as outer:
            for member in outer:
                file = outer.extractfile(member) if member.isfile() else None
                if file is not None:
                    yield file.read()


@pytest.fixture(scope="session")
def workshop(
    tmp_path_factory: pytest.TempPathFactory,
    machine_globals: Path | None,
    engine: docker.DockerClient,
    give_base: Callable[[Path], None],
) -> Iterator[Workshop]:
    machine = yaml.safe_load(machine_globals.read_text()) if machine_globals else {}
    given = {**(machine or {}), "docker_namespace": NAMESPACE}
    workshop = Workshop(tmp_path_factory.mktemp("images"), given)
    give_base(workshop.state)
    yield workshop
    for image in engine.images.list():
        for tag in image.tags:
            if f"{NAMESPACE}/" in tag:
                with contextlib.suppress(ImageNotFound):
                    engine.images.remove(tag, noprune=True)


@pytest.fixture
def image(engine: docker.DockerClient) -> Callable[[BuildReport, str], Image]:
    def of(report: BuildReport, name: str) -> Image:
        found = report.image(name).id
        assert found is not None
        return Image(engine, found)

    return of


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key that a word opens; the public one is beside it (`.pub`)."""
    path = tmp_path_factory.mktemp("keys") / "signing.key"
    private = ec.generate_private_key(ec.SECP256R1())
    encryption = serialization.BestAvailableEncryption(KEY_WORD.encode())
    path.touch(0o600)
    path.write_bytes(
        private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    path.with_suffix(".pub").write_bytes(
        private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return path


class _Forward(BaseHTTPRequestHandler):
    """Asks the real mirror for whatever path it is asked for, as a mirror or as a proxy."""

    upstream = "http://deb.debian.org"
    asked: list[str]
    busy: list[str]

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.asked.append(self.path)
        if self.busy and self.busy[0] in path:
            self.busy.pop(0)
            self.send_error(503)
            return
        try:
            with urllib.request.urlopen(self.upstream + path, timeout=120) as answer:
                body = answer.read()
                self.send_response(200)
        except urllib.error.HTTPError as error:
            body = b""
            self.send_response(error.code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@dataclass
class Mirror:
    address: str
    asked: list[str]
    busy: list[str]
    """Parts of paths that are answered with 503, once each and in this order."""


@pytest.fixture(scope="session")
def mirror(engine: docker.DockerClient) -> Iterator[Mirror]:
    """A package mirror and proxy on this machine, at an address no image may remember."""
    subnet = engine.networks.get("bridge").attrs["IPAM"]["Config"][0]["Subnet"]
    gateway = str(next(ip_network(subnet).hosts()))
    asked: list[str] = []
    busy: list[str] = []
    handler = type("Forward", (_Forward,), {"asked": asked, "busy": busy})
    server = ThreadingHTTPServer((gateway, 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Mirror(f"{gateway}:{server.server_port}", asked, busy)
    server.shutdown()
