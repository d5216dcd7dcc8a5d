"""Integration tests talk to a real container engine; without one they fail and say so."""

import docker
import pytest
from docker.errors import DockerException


@pytest.fixture(scope="session", autouse=True)
def engine() -> docker.DockerClient:
    """The engine of this machine."""
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        pytest.fail(f"no container engine answers ({error}); start one: .venv/bin/kolla bootstrap-servers")
    return client
