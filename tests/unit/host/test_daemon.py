"""The engine's configuration, and what an engine before it left."""

import os
import shutil
import socket
import subprocess
import tomllib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.host import commands, daemon, processes
from kolla.host.cloud import Cloud
from kolla.host.engines import DOCKER, PODMAN
from kolla.host.errors import Refusal
from kolla.host.manifest import Manifest

registries = st.lists(st.sampled_from(["a:1", "b:2", "c:3"]), unique=True)
configurations = st.fixed_dictionaries(
    {},
    optional={
        "log-level": st.just("warn"),
        daemon.REGISTRIES: st.lists(st.just("own:1"), min_size=1, max_size=1),
    },
)


@given(configurations, registries)
def test_registries_come_and_go_and_nothing_else_changes(configuration, registries):
    changed = daemon.with_registries(configuration, registries)
    assert set(registries) <= set(changed[daemon.REGISTRIES])
    assert daemon.with_registries(changed, registries) == changed
    assert daemon.without_registries(changed, registries) == configuration


def test_written_and_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(daemon, "CONFIGURATION", tmp_path / "docker" / "daemon.json")
    assert daemon.read_configuration() == {}
    daemon.write_configuration({"log-level": "warn"})
    assert daemon.read_configuration() == {"log-level": "warn"}
    daemon.write_configuration({})
    assert not daemon.CONFIGURATION.exists()


def test_the_number_of_an_engine_that_ended_without_a_word_is_forgotten(tmp_path):
    pid_file = tmp_path / "docker.pid"
    kind = replace(DOCKER, pid_file=pid_file)
    daemon.await_predecessor(kind)
    pid_file.write_text(str(os.getpid()))  # another process has the number by now
    daemon.await_predecessor(kind)
    assert not pid_file.exists()


def test_an_engine_that_is_ending_is_waited_for(tmp_path, monkeypatch):
    pid_file = tmp_path / "docker.pid"
    kind = replace(DOCKER, pid_file=pid_file)
    (program,) = kind.daemon
    monkeypatch.setattr(daemon, "answers", lambda kind: False)  # whatever engine this machine has
    shutil.copy(shutil.which("sleep") or "", tmp_path / program)
    with subprocess.Popen([tmp_path / program, "2"]) as ending:
        while processes.program(ending.pid) != program:
            pass  # a process gets its name a moment after it was started
        pid_file.write_text(str(ending.pid))
        daemon.await_predecessor(kind)
        assert not processes.lives(ending.pid)
    assert not pid_file.exists()


def test_podman_is_told_of_registries_in_a_file_of_our_own(tmp_path, monkeypatch):
    path = tmp_path / "registries.conf.d" / "kolla.conf"
    path.parent.mkdir()
    monkeypatch.setattr(daemon, "PODMANS_REGISTRIES", path)
    monkeypatch.setattr(daemon, "reload", lambda kind: None)
    daemon.trust(PODMAN, ["r.example:5000"])
    daemon.trust(PODMAN, ["127.0.0.1:4000"])
    assert tomllib.loads(path.read_text()) == {
        "registry": [
            {"location": "r.example:5000", "insecure": True},
            {"location": "127.0.0.1:4000", "insecure": True},
        ]
    }
    assert daemon.trusted(PODMAN) == ["r.example:5000", "127.0.0.1:4000"]
    daemon.distrust(PODMAN, ["r.example:5000"])
    assert daemon.trusted(PODMAN) == ["127.0.0.1:4000"]
    daemon.distrust(PODMAN, ["127.0.0.1:4000"])
    assert not path.exists()


def test_what_listens_on_the_socket_of_an_engine_without_a_file_is_that_engine(tmp_path):
    kind = replace(PODMAN, socket=str(tmp_path / "podman.sock"))
    with pytest.raises(Refusal, match=r"no process of this host listens at .*podman\.sock"):
        daemon._pid(kind)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(kind.socket)
        listening.listen()
        assert daemon._pid(kind) == os.getpid()


class Systemd:
    """systemctl(1) of a host, by what it is asked."""

    def __init__(self) -> None:
        self.enabled: set[str] = set()
        self.asked: list[tuple[str, ...]] = []

    def run(self, *argv: str) -> str:
        assert argv[0] == "systemctl"
        self.asked.append(argv[1:])
        if argv[1] == "show":
            return "enabled\n" if argv[-1] in self.enabled else "disabled\n"
        units = [word for word in argv[2:] if not word.startswith("-")]
        self.enabled = self.enabled | {*units} if argv[1] == "enable" else self.enabled - {*units}
        return ""


@pytest.fixture
def systemd(monkeypatch):
    systemd = Systemd()
    monkeypatch.setattr(daemon, "has_systemd", lambda: True)
    monkeypatch.setattr(daemon, "answers", lambda kind: set(kind.units) <= systemd.enabled)
    monkeypatch.setattr(commands, "run", systemd.run)
    return systemd


@pytest.fixture
def manifest(tmp_path):
    return Manifest(Cloud("c", "id", tmp_path))


def test_podman_and_what_starts_with_the_host_are_two_units(systemd, manifest):
    assert daemon.start(PODMAN, manifest) == "started the engine by systemd"
    assert daemon.start_with_host(PODMAN, manifest) == ["containers start with the host"]
    assert systemd.enabled == {"podman.socket", "podman-restart.service"}
    assert daemon.start_with_host(PODMAN, manifest) == []
    assert manifest.entries("engine") == ("podman unit", "podman boot")
    daemon.stop(PODMAN, manifest)
    assert systemd.enabled == set()
    assert manifest.entries("engine") == ()


def test_a_podman_that_was_there_stays_and_what_starts_with_the_host_is_ours(systemd, manifest):
    systemd.enabled = {"podman.socket"}
    daemon.start_with_host(PODMAN, manifest)
    daemon.stop(PODMAN, manifest)
    assert systemd.enabled == {"podman.socket"}


def test_docker_starts_its_containers_itself(systemd, manifest):
    daemon.start(DOCKER, manifest)
    assert daemon.start_with_host(DOCKER, manifest) == []
    assert manifest.entries("engine") == ("unit",)


def test_only_what_is_running_is_started_again_for_registries(systemd):
    daemon.reload(PODMAN)
    assert systemd.asked == [("try-restart", "podman.service")]
