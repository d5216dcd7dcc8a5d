"""The engine's configuration, and what an engine before it left."""

import os
import shutil
import subprocess

from hypothesis import given
from hypothesis import strategies as st

from kolla.host import daemon, processes

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


def test_the_number_of_an_engine_that_ended_without_a_word_is_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(daemon, "PID_FILE", tmp_path / "docker.pid")
    daemon.await_predecessor()
    daemon.PID_FILE.write_text(str(os.getpid()))  # another process has the number by now
    daemon.await_predecessor()
    assert not daemon.PID_FILE.exists()


def test_an_engine_that_is_ending_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(daemon, "PID_FILE", tmp_path / "docker.pid")
    monkeypatch.setattr(daemon, "answers", lambda: False)  # whatever engine this machine has
    shutil.copy(shutil.which("sleep") or "", tmp_path / daemon.DAEMON)
    with subprocess.Popen([tmp_path / daemon.DAEMON, "2"]) as ending:
        while processes.program(ending.pid) != daemon.DAEMON:
            pass  # a process gets its name a moment after it was started
        daemon.PID_FILE.write_text(str(ending.pid))
        daemon.await_predecessor()
        assert not processes.lives(ending.pid)
    assert not daemon.PID_FILE.exists()
