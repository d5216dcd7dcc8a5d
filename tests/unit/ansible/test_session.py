from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kolla.ansible import session

LOCAL = {"ansible_connection": "local"}
COMMAND = ["sh", "-c", "echo 'a  b'; $HOME"]


@pytest.mark.parametrize("engine", ["docker", "podman"])
@pytest.mark.parametrize(("uid", "said"), [("0", ""), ("1000", "sudo ")])
def test_the_engine_is_asked_as_root_whoever_one_is(
    uid: str,
    said: str,
    engine: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    programs = {
        "id": f"echo {uid}",
        "sudo": 'printf "sudo "; exec "$@"',
        engine: f'printf "<%s>" {engine} "$@"; exit 7',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    command = session.arguments(LOCAL, "here", engine, "web", COMMAND, terminal=False)
    assert subprocess.run(command, check=False).returncode == 7
    expected = f"<{engine}><exec><-i><web><sh><-c><echo 'a  b'; $HOME>"
    assert capfd.readouterr().out == said + expected


def test_a_remote_host_is_reached_as_ansible_reaches_it() -> None:
    variables = {
        "ansible_host": "192.0.2.1",
        "ansible_user": "me",
        "ansible_port": 2222,
        "ansible_ssh_common_args": "-F '/my config'",
    }
    command = session.arguments(variables, "far", "docker", "web", ["true"], terminal=True)
    assert command[:-1] == ["ssh", "-t", "-F", "/my config", "-l", "me", "-p", "2222", "192.0.2.1"]
    assert command[-1].endswith("docker exec -it web true")
    assert session.arguments({}, "far", "docker", "web", ["true"], terminal=False)[:-1] == ["ssh", "far"]
