"""Pushing to a registry, itself made by the builder."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import docker
import pytest

from kolla.errors import KollaError
from kolla.images.push import push

from .conftest import Workshop

CONFIGURATION = """\
version: 0.1
storage: {filesystem: {rootdirectory: /tmp/registry}}
http: {addr: ":5000"}
"""


@pytest.fixture(scope="module")
def registry(workshop: Workshop, engine: docker.DockerClient) -> Iterator[str]:
    """Address of a registry that runs."""
    workshop.describe(
        "  registry:\n"
        "    packages: {debian: [docker-registry]}\n"
        "    files: {registry.yml: /etc/registry.yml}\n"
        "  cargo: {user: worker}\n"
    )
    workshop.file("registry.yml", CONFIGURATION)
    report = workshop.build("registry")
    container = engine.containers.run(
        report.image("registry").id,
        ["serve", "/etc/registry.yml"],
        entrypoint="docker-registry",
        name="kolla-images-test-registry",
        ports={"5000/tcp": ("127.0.0.1", None)},
        detach=True,
    )
    try:
        container.reload()
        address = f"127.0.0.1:{container.ports['5000/tcp'][0]['HostPort']}"
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://{address}/v2/", timeout=1)
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        yield address
    finally:
        container.remove(force=True, v=True)


def test_pushed_images_have_a_digest_that_can_be_pulled(
    workshop: Workshop, registry: str, engine: docker.DockerClient
) -> None:
    report = workshop.build("cargo", docker_registry=registry)
    given, _ = workshop.load(docker_registry=registry)
    report = push(given, report, workshop.state)
    built = report.image("cargo")
    assert built.digest is not None
    assert built.digest.startswith(f"{registry}/kolla-images-test/cargo@sha256:")
    assert engine.images.get_registry_data(built.digest).id == built.digest.partition("@")[2]

    unchanged = workshop.build("cargo", docker_registry=registry)
    assert unchanged.image("cargo").digest == built.digest


def test_a_registry_that_does_not_answer_is_named(workshop: Workshop) -> None:
    nowhere = "127.0.0.1:9"
    workshop.describe("  cargo: {user: worker}\n")
    report = workshop.build("cargo", docker_registry=nowhere)
    given, _ = workshop.load(docker_registry=nowhere)
    with pytest.raises(KollaError, match=r"could not be pushed to 127\.0\.0\.1:9: .*cargo"):
        push(given, report, workshop.state)
