"""When the database's system tables are made, and how its passwords are written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .scripts import load

TOOL = """#!/bin/sh
cat >>"$RECORD.stdin"
echo "$(basename "$0") $*" >>"$RECORD"
[ "$(basename "$0")" != mariadb-install-db ] || mkdir -p "$DATA/mysql"
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script with the server's programs replaced by ones that write down how they were called."""
    load("mariadb", "server.py")
    load("mariadb", "cluster.py")
    script = load("mariadb", "bootstrap")
    data, tools = tmp_path / "data", tmp_path / "tools"
    data.mkdir()
    tools.mkdir()
    for name in ("mariadb-install-db", "mariadbd", "mariadb", "my_print_defaults"):
        (tools / name).write_text(TOOL)
        (tools / name).chmod(0o755)
    monkeypatch.setattr(script, "note_version", lambda data: None)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    monkeypatch.setenv("DATA", str(data))
    monkeypatch.setattr(script, "DATA", data)
    monkeypatch.setattr(script, "INSTALLING", data / ".kolla-installing")
    monkeypatch.setattr(script, "SETTINGS", tmp_path / "bootstrap.json")
    script.SETTINGS.write_text(json.dumps({"root_password": "it's", "monitor_password": "b\\s"}))
    return script


def run(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    script.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_an_empty_directory_gets_system_tables_once(
    script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(script, capsys) == {"changed": True, "installed": True}
    assert run(script, capsys) == {"changed": True, "installed": False}
    assert not script.INSTALLING.exists()


def test_half_made_tables_are_made_again(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    script.INSTALLING.touch()
    (script.DATA / "mysql").mkdir()
    (script.DATA / "mysql/half").touch()
    assert run(script, capsys)["installed"]
    assert not (script.DATA / "mysql/half").exists()


def test_complete_tables_made_by_others_are_never_removed(
    script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    (script.DATA / "mysql").mkdir()
    (script.DATA / "mysql/data").touch()
    assert not run(script, capsys)["installed"]
    assert (script.DATA / "mysql/data").exists()


def test_passwords_are_on_standard_input_only(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(script, capsys)
    calls, sql = (tmp_path / "record").read_text(), (tmp_path / "record.stdin").read_text()
    assert "it" not in calls.replace("auth-root-authentication", "").replace("--defaults", "")
    assert "root@'%' IDENTIFIED BY 'it\\'s';" in sql
    assert "monitor@'%' IDENTIFIED BY 'b\\\\s';" in sql


def test_a_running_server_is_asked_and_left_alone(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hold = "import fcntl, sys, time; file = open(sys.argv[1], 'r+b'); fcntl.lockf(file, fcntl.LOCK_EX);"
    hold += "print(flush=True); time.sleep(60)"
    (script.DATA / "ibdata1").touch()
    command = [sys.executable, "-c", hold, str(script.DATA / "ibdata1")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.readline()
        assert run(script, capsys) == {"changed": False, "installed": False}
        assert 'password = "it\'s"' in (tmp_path / "record.stdin").read_text()
        assert "mariadbd" not in (tmp_path / "record").read_text().replace("my_print_defaults mariadbd", "")
        (tmp_path / "tools/mariadb").write_text("#!/bin/sh\necho 'ERROR 1045: denied' >&2; exit 1\n")
        with pytest.raises(script.Fault, match=r"kolla stop mariadb, then: kolla deploy: ERROR 1045: denied"):
            script.main()
        server.kill()
    assert run(script, capsys)["changed"]


def clustered(script: ModuleType) -> None:
    settings = json.loads(script.SETTINGS.read_text())
    script.SETTINGS.write_text(json.dumps({**settings, "cluster": True}))


def test_on_one_host_nothing_is_marked(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    run(script, capsys)
    assert not (script.DATA / "grastate.dat").exists()


def test_whoever_makes_the_tables_of_a_cluster_begins_it(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clustered(script)
    assert run(script, capsys)["installed"]
    assert "safe_to_bootstrap: 1" in (script.DATA / "grastate.dat").read_text()
    assert "CREATE USER IF NOT EXISTS mysql@'localhost'" in (tmp_path / "record.stdin").read_text()


def test_the_data_of_a_member_that_is_stopped_is_left_alone(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clustered(script)
    (script.DATA / "grastate.dat").write_text("uuid: a\nseqno: 7\nsafe_to_bootstrap: 0\n")
    assert run(script, capsys) == {"changed": False, "installed": False}
    assert not (tmp_path / "record").exists()


@pytest.mark.parametrize(("wsrep", "begins"), [("OFF", True), ("ON", False)])
def test_a_server_alone_that_runs_begins_the_cluster_it_is_to_be_in(
    script: ModuleType, wsrep: str, begins: bool
) -> None:
    asked = []

    class Running:
        def query(self, sql: str) -> list[list[str]]:
            asked.append(sql)
            return [["wsrep_on", wsrep]]

    # Of a cluster that it was in earlier; it has gone its own way since.
    (script.DATA / "grastate.dat").write_text("uuid: a\nseqno: 7\nsafe_to_bootstrap: 0\n")
    script.prepare(Running())
    assert asked[0] == script.FOR_MEMBERS
    assert ("safe_to_bootstrap: 1" in (script.DATA / "grastate.dat").read_text()) == begins


def test_a_failing_program_is_one_line(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "tools/mariadbd").write_text("#!/bin/sh\necho first >&2; echo 'no space' >&2; exit 1\n")
    with pytest.raises(script.Fault, match="setting the passwords failed: no space"):
        script.main()
