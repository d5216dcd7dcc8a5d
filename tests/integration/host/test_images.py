"""Pulling from a registry of our own."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

CONFIGURATION = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {directory}/data}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an empty registry; the distribution's program, unpacked, not installed."""
    directory = tmp_path_factory.mktemp("registry")
    download = ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", "docker-registry"]
    subprocess.run(download, cwd=directory, check=True)
    (package,) = directory.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", package, directory], check=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    configuration = directory / "registry.yml"
    configuration.write_text(CONFIGURATION.format(directory=directory, port=port))
    program = directory / "usr/bin/docker-registry"
    with subprocess.Popen([program, "serve", configuration], stderr=subprocess.DEVNULL) as process:
        wait_until_listening(port)
        yield f"127.0.0.1:{port}"
        process.terminate()


def wait_until_listening(port: int) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < end, "the registry does not start"
            time.sleep(0.05)


def push(engine: docker.DockerClient, registry: str, content: bytes) -> tuple[str, str, str]:
    """ID, reference and digest of a pushed image that the engine has no longer."""
    repository = f"{registry}/kolla/kollahosttest"
    archive = subprocess.run(
        ["tar", "-c", "--files-from", os.devnull], capture_output=True, check=True
    ).stdout
    label = [f'LABEL content="{content.hex()}"']
    engine.api.import_image_from_data(archive, repository=repository, tag=content.hex(), changes=label)
    reference = f"{repository}:{content.hex()}"
    for line in engine.api.push(repository, tag=content.hex(), stream=True, decode=True):
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


@pytest.mark.parametrize("by", ["digest", "reference"])
def test_pull(host, engine, registry, by):
    image, reference, digest = push(engine, registry, os.urandom(4))
    wanted = operation(image, reference, digest if by == "digest" else None)
    try:
        event = host.do(wanted)
        assert event["message"] == f"pulled {digest if by == 'digest' else reference}"
        assert engine.images.get(reference).id == image
        host.do(wanted, "skipped")
        assert host.observe(images=[image])["images"] == [image]
        kept = host.ask("destroy", volumes=False, images=False, purge=False)["kept"]
        assert kept[0] == f"image {image}"
        assert (
            f"removed image {image}"
            in host.ask("destroy", volumes=False, images=True, purge=False)["changes"]
        )
        assert not Path(host.state).exists()
    finally:
        with contextlib.suppress(docker.errors.ImageNotFound):
            engine.images.remove(reference, force=True)


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
