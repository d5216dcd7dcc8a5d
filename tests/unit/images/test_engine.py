from pathlib import Path

import pytest

from kolla.errors import KollaError
from kolla.images.engine import connect
from kolla.images.engine_docker import find_builder


def client(directory: Path, version: str, *, buildx: bool) -> Path:
    """A `docker` of some version in a directory of its own."""
    directory.mkdir()
    program = directory / "docker"
    plugin = "echo v0.13" if buildx else "exit 1"
    program.write_text(f"#!/bin/sh\ncase $1 in version) echo {version};; buildx) {plugin};; esac\n")
    program.chmod(0o755)
    return program


def test_a_client_that_cannot_build_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client(tmp_path / "new", "28.2.2", buildx=False)
    old = client(tmp_path / "old", "20.10.24+dfsg1", buildx=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'new'}:{tmp_path / 'old'}:/usr/bin:/bin")
    assert find_builder() == [str(old), "build"]


def test_a_plugin_makes_a_new_client_able(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = client(tmp_path / "new", "28.2.2", buildx=True)
    monkeypatch.setenv("PATH", str(tmp_path / "new"))
    assert find_builder() == [str(new), "buildx", "build", "--load"]


def test_without_any_the_next_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KollaError, match="no docker client on PATH can build") as caught:
        find_builder()
    assert "kolla bootstrap-servers" in str(caught.value)


def test_an_engine_that_does_not_run_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(KollaError, match="no container engine answers") as caught:
        connect("docker")
    assert "kolla bootstrap-servers" in str(caught.value)
