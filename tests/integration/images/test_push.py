"""Pushing to real registries: with a password, with TLS, down, and not well."""

import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from kolla.build_report import BuildReport
from kolla.errors import KollaError
from kolla.events import Event
from kolla.images.push import promote, push
from kolla.images.registry import PASSWORD
from kolla.secret import Secret

from . import registries
from .conftest import NAMESPACE, Workshop, until

CARGO = "  cargo: {user: worker}\n"
PASSWORDS = {PASSWORD: Secret(registries.WORD)}
CREDENTIALS = {"username": registries.USER, "password": registries.WORD}
TRUSTED = Path("/etc/docker/certs.d")
"""Where dockerd looks for authorities of registries (docs.docker.com/engine/security/certificates)."""


@pytest.fixture(scope="module")
def registry_image(workshop: Workshop) -> str:
    """ID of an image with a registry."""
    workshop.describe(registries.IMAGE + CARGO)
    workshop.file("registry.yml", registries.CONFIGURATION)
    found = workshop.build(registries.NAME, "cargo").image(registries.NAME).id
    assert found is not None
    return found


@pytest.fixture(scope="module")
def locked(engine: docker.DockerClient, registry_image: str) -> Iterator[str]:
    """A registry that wants to know a name and a password."""
    with registries.running(engine, registry_image, authenticated=True) as address:
        yield address


def pushed(workshop: Workshop, passwords: dict[str, Secret], **changes: object) -> BuildReport:
    """Push what is built of `cargo` and its parents."""
    report = workshop.build("cargo", **changes)
    ours = {name: report.image(name) for name in ("base", "cargo")}
    given, _ = workshop.load(**changes)
    workshop.events.clear()
    only = report.model_copy(update={"images": ours})
    return push(given, passwords, only, workshop.state, on_event=workshop.events.append)


def test_an_image_comes_back_the_same(workshop: Workshop, locked: str, engine: docker.DockerClient) -> None:
    settings = {"docker_registry": locked, "docker_registry_username": registries.USER}
    report = pushed(workshop, PASSWORDS, **settings)
    cargo = report.image("cargo")
    assert cargo.digest is not None and cargo.id is not None
    assert cargo.digest.startswith(f"{locked}/{NAMESPACE}/cargo@sha256:")

    for tag in engine.images.get(cargo.id).tags:
        engine.images.remove(tag, noprune=True)
    assert cargo.id not in {image.id for image in engine.images.list(all=True)}
    back = engine.images.pull(cargo.digest, auth_config=CREDENTIALS)
    assert (back.id, back.attrs["RepoDigests"]) == (cargo.id, [cargo.digest])


def test_the_moving_tag_follows_when_told(
    workshop: Workshop, locked: str, engine: docker.DockerClient
) -> None:
    settings = {
        "docker_registry": locked,
        "docker_registry_username": registries.USER,
        "docker_image_tag": "nightly",
    }
    report = pushed(workshop, PASSWORDS, **settings)
    moving = f"{locked}/{NAMESPACE}/cargo:nightly"
    with pytest.raises(docker.errors.APIError, match="manifest unknown"):
        engine.images.get_registry_data(moving, auth_config=CREDENTIALS)
    given, _ = workshop.load(**settings)
    promote(given, PASSWORDS, report, workshop.state)
    found = engine.images.get_registry_data(moving, auth_config=CREDENTIALS)
    assert found.id == str(report.image("cargo").digest).partition("@")[2]


def test_a_wrong_password_is_one_error_and_no_second_try(workshop: Workshop, locked: str) -> None:
    settings = {"docker_registry": locked, "docker_registry_username": registries.USER}
    with pytest.raises(KollaError, match=rf"did not get to {locked}: .*") as caught:
        pushed(workshop, {PASSWORD: Secret("not the word")}, **settings, docker_namespace=f"{NAMESPACE}-2")
    assert "unauthorized" in str(caught.value)
    assert "docker_registry_password" in str(caught.value)
    assert not retries(workshop.events)


def test_a_registry_with_a_private_authority(
    workshop: Workshop, registry_image: str, engine: docker.DockerClient, tmp_path: Path
) -> None:
    authority, address = registries.Authority(), registries.gateway(engine)
    with registries.running(engine, registry_image, address=address, authority=authority) as registry:
        with pytest.raises(KollaError, match="x509: ") as caught:
            pushed(workshop, {}, docker_registry=registry)
        assert "docker_registry_ca" in str(caught.value)
        assert not retries(workshop.events)
        try:
            (TRUSTED / registry).mkdir(parents=True)
            (TRUSTED / registry / "ca.crt").write_bytes(authority.certificate)
            assert pushed(workshop, {}, docker_registry=registry).image("cargo").digest
        finally:
            shutil.rmtree(TRUSTED / registry)


def test_a_registry_that_fails_twice_and_then_works(
    workshop: Workshop, registry_image: str, engine: docker.DockerClient
) -> None:
    with (
        registries.running(engine, registry_image) as registry,
        registries.flaky(registry, failures=2) as address,
    ):
        report = pushed(workshop, {}, docker_registry=address, build_threads=1)
        assert report.image("cargo").digest
        first, second = retries(workshop.events)
        assert first.message.startswith("try 2: ") and "503" in first.message
        assert second.message.startswith("try 3: ")


def test_a_registry_that_is_down_is_one_error(workshop: Workshop) -> None:
    with pytest.raises(KollaError, match=r"2 of 2 images did not get to 127\.0\.0\.1:9: .*refused"):
        pushed(workshop, {}, docker_registry="127.0.0.1:9", build_retries=1)
    assert retries(workshop.events)


def retries(events: list[Event]) -> list[Event]:
    return [event for event in events if event.message.startswith("try ")]


PUSH = """
import sys
from pathlib import Path
from kolla import places
root = Path(sys.argv.pop(1))
places.state_root = lambda: root
from kolla.cli.main import main
main()
"""


def test_an_interrupted_push_ends_and_leaves_no_tag(
    workshop: Workshop, registry_image: str, engine: docker.DockerClient, tmp_path: Path
) -> None:
    """The registry does not say what came of layers, which no time limit ends soon."""
    own = workshop.another(tmp_path)
    own.describe(CARGO)
    with registries.running(engine, registry_image) as registry, registries.stuck(registry) as way:
        own.build("cargo", docker_registry=way.address)
        own.load(docker_registry=way.address, cloud_name=own.state.name)
        given = ["--configdir", str(tmp_path / "etc"), "--service-path", str(tmp_path / "services")]
        command = [sys.executable, "-c", PUSH, str(tmp_path), "push", *given]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as push:
            until(lambda: push.poll() is not None or any(asked.startswith("PATCH") for asked in way.asked))
            push.send_signal(signal.SIGINT)
            output, _ = push.communicate(timeout=60)
        assert push.returncode == 130, output
        assert "Traceback" not in output
        assert BuildReport.load(own.state / "build.json").image("cargo").digest is None

        way.well.set()
        until(lambda: quiet(way.asked))
        assert not [asked for asked in way.asked if "/manifests/" in asked]
        assert tags(registry, "cargo") == tags(registry, "base") == []

        subprocess.run(command, check=True)
        assert len(tags(registry, "cargo")) == len(tags(registry, "base")) == 2


def quiet(asked: list[str]) -> bool:
    """Whether nothing is asked for a while."""
    count = len(asked)
    time.sleep(2)
    return len(asked) == count


def tags(registry: str, name: str) -> list[str]:
    """What a registry has of an image."""
    try:
        with urllib.request.urlopen(f"http://{registry}/v2/{NAMESPACE}/{name}/tags/list") as answer:
            return json.load(answer)["tags"] or []
    except urllib.error.HTTPError as error:
        assert error.code == 404
        return []
