"""Podman of Debian 13 builds and pushes; Docker, which hosts are deployed with, pulls what it pushed.

It is not installed on this machine, whose engine it would disturb: it runs in the files of an image of ours,
in a mount namespace of its own. What the builder finds as `podman` is a script that goes in there.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from integration.host.podmans import entered

from kolla.build_report import BuildReport
from kolla.images.push import push
from kolla.images.registry import PASSWORD
from kolla.secret import Secret

from . import registries
from .conftest import NAMESPACE, Image, Workshop

TOOLS = f"{registries.IMAGE}  podman: {{packages: {{debian: [mount, podman, runc]}}}}\n"
CARGO = """\
  cargo:
    packages: {debian: [sl]}
    user: worker
    files: {work: /usr/local/bin/work}
"""
WORK = "#!/bin/sh\necho works\n"
WORKS = "works\n/bin\n/tmp\n/usr/games/sl\n"
CREDENTIALS = {"username": registries.USER, "password": registries.WORD}

CONFIGURATION = """\
[containers]
netns = "host"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
"""containers.conf(5) for a place that is a container itself: without systemd and bridges, and where root may
not raise limits."""


@pytest.fixture(scope="module")
def tools(workshop: Workshop) -> BuildReport:
    """Images that Docker builds: one on Debian 13 that has podman, and a registry."""
    workshop.describe(TOOLS)
    workshop.file("registry.yml", registries.CONFIGURATION)
    return workshop.build("podman", registries.NAME)


@pytest.fixture(scope="module")
def root(
    tools: BuildReport, engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A root file system with podman."""
    root = Image(engine, str(tools.image("podman").id)).unpack(tmp_path_factory.mktemp("podman") / "root")
    (root / "etc/containers/containers.conf").write_text(CONFIGURATION)
    (root / "etc/resolv.conf").write_text(Path("/etc/resolv.conf").read_text())
    yield root
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def podman(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory that programs in the root see as well; its `bin` has `podman`."""
    directory = tmp_path_factory.mktemp("work")
    with entered(root, directory, directory):
        yield directory


@pytest.fixture
def yard(workshop: Workshop, podman: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A workshop whose engine is podman."""
    monkeypatch.setenv("PATH", f"{podman / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(tempfile, "tempdir", str(podman))
    yard = workshop.another(podman, kolla_container_engine="podman")
    yard.describe(CARGO)
    yard.file("work", WORK)
    return yard


def test_it_leaves_alone_what_did_not_change(yard: Workshop) -> None:
    first = yard.build("cargo")
    assert {name: image.status for name, image in first.images.items()} == {"base": "built", "cargo": "built"}
    second = yard.build("cargo")
    assert {image.status for image in second.images.values()} == {"unchanged"}
    assert second.image("cargo").id == first.image("cargo").id


def test_docker_pulls_what_it_pushed(yard: Workshop, tools: BuildReport, engine: docker.DockerClient) -> None:
    with registries.running(engine, str(tools.image(registries.NAME).id), authenticated=True) as registry:
        settings = {
            "docker_registry": registry,
            "docker_registry_username": registries.USER,
            "docker_registry_insecure": True,
        }
        report = yard.build("cargo", **settings)
        given, _ = yard.load(**settings)
        report = push(given, {PASSWORD: Secret(registries.WORD)}, report, yard.state)
        cargo = report.image("cargo")
        assert cargo.digest is not None
        assert cargo.digest.startswith(f"{registry}/{NAMESPACE}/cargo@sha256:")

        came = engine.images.pull(cargo.digest, auth_config=CREDENTIALS)
        try:
            assert (came.id, came.attrs["RepoDigests"]) == (cargo.id, [cargo.digest])
            assert Image(engine, str(came.id)).run("work; ls -d /usr/games/sl /tmp /bin") == WORKS
        finally:
            engine.images.remove(cargo.digest)
