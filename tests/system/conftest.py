"""Whole clouds. One machine, one cloud in /etc/kolla: the modules share it, in the order of their names."""

from __future__ import annotations

from pathlib import Path

import docker
import pytest
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
