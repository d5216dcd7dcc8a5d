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

from kolla.host import daemon, processes
from kolla.host.engines import DOCKER, PODMAN
from kolla.host.errors import Refusal

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
