"""Removing the cloud of `make cloud`: everything it made, nothing else. Last, because nothing is left."""

from __future__ import annotations

from pathlib import Path

import docker
import pytest
from docker.errors import DockerException
from system.harness import Kolla, containers, make


def test_a_configuration_we_did_not_make_is_refused_and_nothing_is_touched(
    cloud: Kolla, engine: docker.DockerClient, tmp_path: Path
) -> None:
    before = len(containers(engine))
    foreign = Kolla(tmp_path)
    for name in ("globals.yml", "passwords.yml"):
        (tmp_path / name).write_bytes((cloud.config_directory / name).read_bytes())
        (tmp_path / name).chmod(0o600)
    said = foreign.run("destroy", "--config", "--yes-i-really-really-mean-it", expect=3)
    assert "was not made by kolla quickstart" in said
    said = foreign.run("quickstart", expect=3)
    assert "holds a configuration that kolla quickstart did not make" in said
    assert len(containers(engine)) == before > 0


def test_destroy_asks_to_be_meant(cloud: Kolla, engine: docker.DockerClient) -> None:
    said = cloud.run("destroy", expect=3)
    assert "--yes-i-really-really-mean-it" in said
    assert containers(engine)


def test_clean_cloud_removes_what_is_ours_and_keeps_what_is_not(
    cloud: Kolla, engine: docker.DockerClient
) -> None:
    engine.volumes.create("not-ours")
    own = [container.name for container in containers(engine)]
    (cloud.config_directory / "not-ours").write_text("")
    make("clean-cloud")
    names = {container.name for container in engine.containers.list(all=True)}
    assert own and not names & set(own)
    volumes = {volume.name for volume in engine.volumes.list()}
    assert "not-ours" in volumes
    assert not volumes & {"mariadb", "rabbitmq", "keystone_fernet_tokens", "kolla_logs"}
    assert [tag for image in engine.images.list() for tag in image.tags if tag.startswith("kolla/")] == []
    assert [path.name for path in cloud.config_directory.iterdir()] == ["not-ours"]
    engine.volumes.get("not-ours").remove()
    (cloud.config_directory / "not-ours").unlink()
    cloud.config_directory.rmdir()
    make("clean-cloud")  # nothing to remove is not an error


@pytest.mark.long
def test_the_bench_prints_every_figure_and_none_is_above_its_limit(
    machine_globals: Path | None, capsys: pytest.CaptureFixture[str]
) -> None:
    make("clean-cloud")  # it wants the machine for itself
    said = make("bench", *([f"GLOBALS={machine_globals}"] if machine_globals else []))
    figures = [line for line in said.splitlines() if " limit " in line]
    with capsys.disabled():
        print("", *figures, sep="\n")
    assert len(figures) == 14


def test_a_purge_removes_the_engine_when_we_installed_it(
    engine: docker.DockerClient, machine_globals: Path | None
) -> None:
    if engine.containers.list(all=True):
        pytest.fail("containers of others are on this machine: this test needs it to itself")
    make("clean-cloud", "PURGE=1")
    with pytest.raises(DockerException):
        docker.from_env().ping()
