"""Whole clouds. One machine, one cloud in /etc/kolla: the modules share it, in the order of their names."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from system.client import Demo
from system.harness import Kolla, make


@pytest.fixture(scope="session")
def cloud(machine_globals: Path | None) -> Kolla:
    """The cloud that `make cloud` makes, or finds from an earlier run."""
    make("cloud", *([f"GLOBALS={machine_globals}"] if machine_globals else []))
    return Kolla(Path("/etc/kolla"))


@pytest.fixture
def engine() -> docker.DockerClient:
    """The engine of this machine."""
    return docker.from_env()


@pytest.fixture
def as_it_was(cloud: Kolla) -> Iterator[None]:
    """The test leaves the settings as it found them, and the cloud deployed."""
    path = cloud.config_directory / "globals.yml"
    before = path.read_text()
    yield
    path.write_text(before)
    shutil.rmtree(cloud.config_directory / "config", ignore_errors=True)
    cloud.run("deploy")


@pytest.fixture(scope="session")
def demo(cloud: Kolla) -> Demo:
    """The server that a cloud starts with."""
    cloud.run("init-runonce")
    return Demo.of(cloud.config_directory)
