"""Integration tests talk to a real container engine; without one they fail and say so."""

import shutil
from collections.abc import Callable
from pathlib import Path

import docker
import pytest
import yaml
from docker.errors import DockerException

from kolla.catalogue import loader
from kolla.images import base
from kolla.images.engine import connect
from kolla.images.options import Options
from kolla.settings import globals as settings


@pytest.fixture(scope="session", autouse=True)
def engine() -> docker.DockerClient:
    """The engine of this machine."""
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        pytest.fail(f"no container engine answers ({error}); start one: .venv/bin/kolla bootstrap-servers")
    return client


@pytest.fixture(scope="session")
def give_base(
    tmp_path_factory: pytest.TempPathFactory, machine_globals: Path | None
) -> Callable[[Path], None]:
    """Gives a state directory the root file system of the base distribution, which is bootstrapped once for
    all tests that are about something else."""
    config = tmp_path_factory.mktemp("base")
    machine = yaml.safe_load(machine_globals.read_text()) if machine_globals else {}
    (config / "globals.yml").write_text(yaml.safe_dump(machine or {}))
    options, made = Options.of(settings.load(config, loader.load())), config / "state"
    made.mkdir()
    base.make(options, made, connect(options.engine), config / "log", expected=None)

    def give(state: Path) -> None:
        state.mkdir(parents=True, exist_ok=True)
        for file in made.iterdir():
            shutil.copy2(file, state)

    return give
