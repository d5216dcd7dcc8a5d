"""Pulling from a registry of our own."""

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from .conftest import on_every_engine

CONFIGURATION = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {directory}/data}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


LOGIN = {"username": "puller", "password": "a word for pulling"}
HTPASSWD = "puller:$2b$04$9373NcM88snwOCT4pygkyeYfvhwG58BTVFw39H5JS6KdX.uZq2ype\n"
"""The same, as htpasswd -B says it."""
LOCKED = "auth: {{htpasswd: {{realm: test, path: {directory}/htpasswd}}}}\n"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution's registry, unpacked, not installed."""
    directory = tmp_path_factory.mktemp("registry")
    download = ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", "docker-registry"]
    subprocess.run(download, cwd=directory, check=True)
    (package,) = directory.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", package, directory], check=True)
    return directory / "usr/bin/docker-registry"


@contextlib.contextmanager
def running(program: Path, directory: Path, configuration: str) -> Iterator[str]:
    """Address of an empty registry that keeps its data in a directory."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (directory / "htpasswd").write_text(HTPASSWD)
    file = directory / "registry.yml"
    file.write_text(configuration.format(directory=directory, port=port))
    with subprocess.Popen([program, "serve", file], stderr=subprocess.DEVNULL) as process:
        wait_until_listening(port)
        yield f"127.0.0.1:{port}"
        process.terminate()


@pytest.fixture(scope="module")
def registry(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One that lets everybody in."""
    with running(program, tmp_path_factory.mktemp("open"), CONFIGURATION) as address:
        yield address


@pytest.fixture(scope="module")
def locked(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One that wants to know a name and a password."""
    with running(program, tmp_path_factory.mktemp("locked"), CONFIGURATION + LOCKED) as address:
        yield address


def wait_until_listening(port: int) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < end, "the registry does not start"
            time.sleep(0.05)


def push(
    engine: docker.DockerClient, registry: str, content: bytes, login: dict[str, str] | None = None
) -> tuple[str, str, str]:
    """ID, reference and digest of a pushed image that the engine has no longer."""
    repository = f"{registry}/kolla/kollahosttest"
    archive = subprocess.run(
        ["tar", "-c", "--files-from", os.devnull], capture_output=True, check=True
    ).stdout
    label = [f'LABEL content="{content.hex()}"']
    engine.api.import_image_from_data(archive, repository=repository, tag=content.hex(), changes=label)
    reference = f"{repository}:{content.hex()}"
    sent = engine.api.push(repository, tag=content.hex(), stream=True, decode=True, auth_config=login)
    for line in sent:
        assert "error" not in line, line
    image = engine.images.get(reference)
    digest = image.attrs["RepoDigests"][0]
    engine.images.remove(reference)
    assert image.id not in {each.id for each in engine.images.list()}
    return image.id, reference, digest


def operation(image: str, reference: str, digest: str | None):
    return {
        "id": "image:test@here",
        "kind": "image",
        "service": "test",
        "image": image,
        "reference": reference,
        "digest": digest,
        "after": [],
        "timeout": 30,
    }


@on_every_engine
@pytest.mark.parametrize("by", ["digest", "reference"])
def test_pull(host, engine, registry, by):
    image, reference, digest = push(engine, registry, os.urandom(4))
    wanted = operation(image, reference, digest if by == "digest" else None)
    try:
        event = host.do(wanted)
        assert event["message"] == f"pulled {digest if by == 'digest' else reference}"
        assert host.engine.images.get(reference).id == image
        host.do(wanted, "skipped")
        assert host.observe(images=[image])["images"] == [image]
        kept = host.ask("destroy", volumes=False, images=False, purge=False)["kept"]
        assert kept[0] == f"image {image}"
        assert (
            f"removed image {image}"
            in host.ask("destroy", volumes=False, images=True, purge=False)["changes"]
        )
        assert not Path(host.state).exists()
        assert not [each for each in host.engine.images.list() if each.id == image]
    finally:
        with contextlib.suppress(docker.errors.NotFound):
            host.engine.images.remove(reference, force=True)


@on_every_engine
def test_an_image_that_another_runs_stays(host, engine, registry):
    image, reference, digest = push(engine, registry, os.urandom(4))
    host.do(operation(image, reference, digest))
    other = host.engine.containers.create(image, ["/nothing"])
    try:
        kept, *_ = host.ask("destroy", volumes=False, images=True, purge=False)["kept"]
        assert kept.endswith(f"cannot remove image {image}: it is used by {other.name}")
        assert host.engine.images.get(reference).id == image
    finally:
        other.remove(force=True)
    assert f"removed image {image}" in host.ask("destroy", volumes=False, images=True, purge=False)["changes"]


def test_a_reference_that_moved_is_refused(host, engine, registry):
    image, reference, _ = push(engine, registry, b"moved")
    event = host.do(operation("sha256:" + "0" * 64, reference, None), "failed")
    assert f"{reference} is {image} after the pull, not sha256:000" in event["message"]
    engine.images.remove(reference)


def test_the_right_content_under_another_id_is_told_from_a_wrong_image(host, engine, registry):
    image, reference, digest = push(engine, registry, os.urandom(4))
    try:
        event = host.do(operation("sha256:" + "0" * 64, reference, digest), "failed")
        assert f"the engine of this host calls it {image}" in event["message"]
        assert "they keep images in different stores" in event["message"]
    finally:
        engine.images.remove(digest)


def test_an_image_the_engine_has_is_not_pulled(host):
    wanted = operation(host.image, "127.0.0.1:9/kolla/test:1", None)
    host.do(wanted, "skipped")
    event = host.do({**wanted, "image": "sha256:" + "0" * 64}, "failed")
    assert event["message"].startswith("cannot pull 127.0.0.1:9/kolla/test:1: ")


def test_a_registry_that_wants_a_password_gets_it_with_the_request(host, engine, locked):
    image, reference, digest = push(engine, locked, os.urandom(4), LOGIN)
    wanted = operation(image, reference, digest)
    where = "see docker_registry_username, and docker_registry_password in passwords.yml"
    event = host.do(wanted, "failed")
    assert event["message"].startswith(f"cannot pull {digest}: ")
    assert event["message"].endswith(f"; asked with no docker_registry_username set: {where}")
    event = host.do(wanted, "failed", login={**LOGIN, "password": "another word"})
    assert event["message"].startswith(f"cannot pull {digest}: ")
    assert event["message"].endswith(f"unauthorized: authentication required; asked as 'puller': {where}")
    try:
        event = host.do(wanted, login=LOGIN)
        assert event["message"] == f"pulled {digest}"
        assert engine.images.get(reference).id == image
    finally:
        engine.images.remove(reference)
    kept = [path for path in host.directory.rglob("*") if path.is_file()]
    assert kept and not [path for path in kept if b"a word for pulling" in path.read_bytes()]


def discard(image: str):
    return {
        "id": "discard:test@here",
        "kind": "discard",
        "service": "test",
        "image": image,
        "after": [],
        "timeout": 30,
    }


def test_an_image_that_came_through_us_goes_when_it_is_told_to(host, engine, registry):
    image, reference, digest = push(engine, registry, os.urandom(4))
    host.do(operation(image, reference, digest))
    assert host.observe()["brought"] == [image]
    assert host.do(discard(image))["message"] == ""
    assert host.observe(images=[image])["images"] == []
    assert host.observe()["brought"] == []
    host.do(discard(image), "skipped")


def test_an_image_that_others_use_is_left_to_them(host, engine, registry):
    image, reference, digest = push(engine, registry, os.urandom(4))
    host.do(operation(image, reference, digest))
    user = engine.api.create_container(image, command=["x"], name=host.name("stranger"))
    try:
        assert host.do(discard(image))["message"] == f"left for {host.name('stranger')}"
        assert host.observe(images=[image])["images"] == [image]
        assert host.observe()["brought"] == []
    finally:
        engine.api.remove_container(user)
        engine.images.remove(reference)


def test_an_image_that_another_cloud_brought_as_well_is_left_to_it(host, engine, registry):
    image, reference, digest = push(engine, registry, os.urandom(4))
    host.do(operation(image, reference, digest))
    other = host.state.parent / "other"
    other.mkdir()
    (other / "manifest.json").write_text(json.dumps({"images": [image]}))
    try:
        assert host.do(discard(image))["message"] == "left for cloud other"
        assert host.observe(images=[image])["images"] == [image]
    finally:
        engine.images.remove(reference)


def test_an_image_that_was_built_here_is_not_ours_to_remove(host):
    host.do(discard(host.image), "skipped")
    assert host.observe(images=[host.image])["images"] == [host.image]
