"""The command for every night: build, sign, push to a real registry, try the images, move the tags."""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
import yaml

from kolla import places
from kolla.api import Cloud
from kolla.build_report import BuildReport
from kolla.errors import KollaError
from kolla.images import signature
from kolla.images.registry import PASSWORD

from . import registries
from .conftest import KEY_WORD, NAMESPACE, Workshop

IMAGES = "  cargo: {files: {answer: /usr/local/bin/answer}}\n  trial: {parent: cargo}\n"
CREDENTIALS = {"username": registries.USER, "password": registries.WORD}
PROGRAM = """\
import sys
from pathlib import Path
import docker
from kolla import places
from kolla.api import Cloud
root, wanted = sys.argv[1:]
places.state_root = lambda: Path(root)
cloud = Cloud(Path(root) / "etc", service_paths=[Path(root) / "services"])
built = cloud.build(["^trial$"]).report
said = docker.from_env().containers.run(built.image("trial").id, entrypoint="answer", remove=True)
sys.exit(said.decode().strip() != wanted)
"""
"""What tries images: in the same cloud it builds another one on them, and runs it."""


@pytest.fixture
def registry(workshop: Workshop, engine: docker.DockerClient) -> Iterator[str]:
    """A registry that wants to know a name and a password."""
    workshop.describe(registries.IMAGE)
    workshop.file("registry.yml", registries.CONFIGURATION)
    image = str(workshop.build(registries.NAME).image(registries.NAME).id)
    with registries.running(engine, image, authenticated=True) as address:
        yield address


@pytest.fixture
def publisher(
    workshop: Workshop, registry: str, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Workshop:
    """What is published, in a cloud that `cloud` has the verbs of."""
    monkeypatch.setattr(places, "state_root", lambda: tmp_path)
    own = workshop.another(tmp_path, docker_registry=registry, docker_registry_username=registries.USER)
    own.describe(IMAGES)
    own.file("answer", "")
    own.load(cloud_name=own.state.name, build_signing_key=str(key))
    secrets = tmp_path / "etc" / "passwords.yml"
    secrets.write_text(yaml.safe_dump({PASSWORD: registries.WORD, signature.PASSWORD: KEY_WORD}))
    secrets.chmod(0o600)
    (tmp_path / "program.py").write_text(PROGRAM)
    return own


def published(publisher: Workshop, says: str, wanted: str) -> BuildReport:
    """Publish an image that says something, tried by a program that wants to hear something."""
    publisher.file("answer", f"#!/bin/sh\necho {says}\n")
    directory = publisher.directory
    program = shlex.join([sys.executable, str(directory / "program.py"), str(directory), wanted])
    return cloud(publisher).publish(["^cargo$"], {"sign": True}, program).report


def cloud(publisher: Workshop) -> Cloud:
    """The verbs, with everything read again."""
    return Cloud(publisher.directory / "etc", service_paths=[publisher.directory / "services"])


def unsound(publisher: Workshop) -> list[str]:
    """What `kolla build --verify` does not like."""
    return [str(found["message"]) for found in cloud(publisher).verify_images().findings if not found["ok"]]


def test_tags_move_to_what_was_signed_and_stood_the_test(
    publisher: Workshop, registry: str, engine: docker.DockerClient
) -> None:
    moving = f"{registry}/{NAMESPACE}/cargo:2026.1-debian-13"

    def shown() -> str:
        """The digest that whoever pulls by the moving tag gets."""
        return str(engine.images.get_registry_data(moving, auth_config=CREDENTIALS).id)

    good = published(publisher, "one", wanted="one")
    assert good == BuildReport.load(places.Places(publisher.state).build_report)
    digest = str(good.image("cargo").digest).partition("@")[2]
    assert (shown(), good.image("cargo").promoted) == (digest, moving)
    assert (good.image("trial").status, good.image("trial").digest) == ("built", None)
    assert unsound(publisher) == []

    with pytest.raises(KollaError, match=r"the test ended with status 1; .*no tag was moved"):
        published(publisher, "two", wanted="three")
    assert shown() == digest
    refused = BuildReport.load(places.Places(publisher.state).build_report).image("cargo")
    there = engine.images.get_registry_data(str(refused.digest), auth_config=CREDENTIALS).id
    assert there != digest

    better = published(publisher, "three", wanted="three")
    assert shown() == str(better.image("cargo").digest).partition("@")[2]
    assert (better.image("trial").status, better.image("trial").digest) == ("built", None)
    assert shown() not in (digest, there)
    assert unsound(publisher) == []
