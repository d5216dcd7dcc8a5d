"""Engines by name, and what they find of a cloud in another one."""

import socket
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from kolla.host import engine, engines, own
from kolla.host.cloud import Cloud
from kolla.host.engines import DOCKER, PODMAN
from kolla.host.errors import OperationFailed, Refusal


def test_an_unknown_one():
    with pytest.raises(Refusal, match="unknown engine 'lxc'; known: docker, podman"):
        engines.kind_of("lxc")


@pytest.mark.parametrize(
    ("version", "numbers"), [("20.10.24+dfsg1", (20, 10)), ("5.4.2", (5, 4)), ("6", (6,))]
)
def test_versions(version, numbers):
    assert engines.numbers(version) == numbers


class Other:
    """Another engine, busy, with a container and a volume of the cloud `ours`."""

    def __init__(self, timeout: int) -> None:
        self.timeout = timeout

    def containers(self) -> list[dict[str, Any]]:
        return [{"Names": ["/web"], "Labels": {"kolla.cloud": "ours"}}]

    def volumes(self, label: str) -> list[dict[str, Any]]:
        if self.timeout < 10:
            raise OperationFailed("cannot list volumes: Read timed out.")
        return [{"Name": "data"}] if label == "kolla.cloud=ours" else []


@pytest.fixture
def other(monkeypatch):
    monkeypatch.setattr(own, "connect", lambda name, timeout=engine.CALL_TIMEOUT: Other(timeout))


def test_a_cloud_in_another_engine_is_refused_and_one_that_is_not_is_not(other, tmp_path):
    expected = (
        "kolla_container_engine is podman, and docker has this cloud on this host: container web, volume data"
    )
    with pytest.raises(Refusal, match=expected) as refusal:
        own.refuse_elsewhere(Cloud("c", "ours", tmp_path), PODMAN)
    assert refusal.value.details["hint"].startswith("set kolla_container_engine: docker;")
    own.refuse_elsewhere(Cloud("c", "theirs", tmp_path), PODMAN)


def test_podman_under_the_name_of_dockers_socket_is_podman(other, tmp_path, monkeypatch):
    podman, docker = tmp_path / "podman.sock", tmp_path / "docker.sock"
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(podman))
        docker.symlink_to(podman)
        kinds = {"docker": replace(DOCKER, socket=str(docker)), "podman": replace(PODMAN, socket=str(podman))}
        monkeypatch.setattr(own, "KINDS", kinds)
        own.refuse_elsewhere(Cloud("c", "ours", tmp_path), kinds["podman"])


@pytest.mark.parametrize("name", engines.KINDS)
def test_one_that_is_not_there(name, tmp_path, monkeypatch):
    path = str(tmp_path / "none.sock")
    monkeypatch.setitem(engines.KINDS, name, replace(engines.KINDS[name], socket=path))
    with pytest.raises(engine.EngineUnreachable, match=f"no {name} engine: {path} does not exist"):
        engine.connect(name)
