"""Which MariaDB may have the data of which, and how it is known whose the data is."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from types import ModuleType

import pytest

from .scripts import load

GREETINGS = {
    b"\x6e\x00\x00\x00\x0a5.5.5-10.11.14-MariaDB-0+deb12u2\x00\x1d\x00\x00\x00": "10.11.14",
    b"\x5f\x00\x00\x00\x0a11.8.3-MariaDB-0+deb13u1 from Debian\x00\x07\x00\x00\x00": "11.8.3",
    b"\x17\x00\x00\x00\xff\x10\x04Too many connections": None,
    b"": None,
}
"""First packets: of an older server (with the prefix for old replicas), a newer one, a refusal, none."""


@pytest.fixture
def takeover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script in an image with MariaDB 10.11, where no server runs."""
    server = load("mariadb", "server.py")
    script = load("mariadb", "takeover")
    monkeypatch.setattr(server, "DATA", tmp_path)
    monkeypatch.setattr(server, "version", lambda: "10.11.14")
    monkeypatch.setattr(script, "running", lambda address, port: None)
    return script


@pytest.mark.parametrize("before", ["10.11.14", "10.11.16", "10.6.4", "5.5.5"])
def test_the_same_series_and_older_ones_are_taken_over(takeover: ModuleType, before: str) -> None:
    takeover.check(before, "10.11.14")


@pytest.mark.parametrize("before", ["11.8.3", "10.12.0", "12.0.1"])
def test_no_older_server_gets_newer_data(takeover: ModuleType, before: str) -> None:
    with pytest.raises(Exception, match=rf"MariaDB 10\.11\.14 cannot read the data of {before}"):
        takeover.check(before, "10.11.14")


@pytest.mark.parametrize("name", [".kolla-version", "mariadb_upgrade_info", "mysql_upgrade_info"])
def test_without_a_server_what_is_noted_beside_the_data_counts(
    takeover: ModuleType, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("11.8.3-MariaDB\n")
    with pytest.raises(Exception, match=r"cannot read the data of 11\.8\.3"):
        takeover.main("127.0.0.1", "1")
    assert (tmp_path / ".kolla-version").exists() == (name == ".kolla-version")


def test_the_newest_note_counts(takeover: ModuleType, tmp_path: Path) -> None:
    (tmp_path / ".kolla-version").write_text("10.11.14")
    (tmp_path / "mysql_upgrade_info").write_text("9.9.9-MariaDB")
    (tmp_path / "mariadb_upgrade_info").write_text("no version")
    assert takeover.noted(tmp_path) == "10.11.14"


def test_new_data_is_anybodys_and_then_noted(
    takeover: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ibdata1").touch()
    takeover.main("127.0.0.1", "1", "--look")
    assert not (tmp_path / ".kolla-version").exists()
    takeover.main("127.0.0.1", "1")
    assert (tmp_path / ".kolla-version").read_text() == "10.11.14"
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said == [{"from": None, "to": "10.11.14"}] * 2


def test_a_volume_with_nothing_in_it_stays_so(takeover: ModuleType, tmp_path: Path) -> None:
    """Who has something in it counts as one who has the data, and may begin a cluster."""
    takeover.main("127.0.0.1", "1")
    assert not list(tmp_path.iterdir())


def test_what_runs_counts_more_than_what_is_noted(
    takeover: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer server that was allowed the data, never started on it, and made way for the older one again."""
    (tmp_path / ".kolla-version").write_text("11.8.3")
    monkeypatch.setattr(takeover, "running", lambda address, port: "10.11.14")
    takeover.main("127.0.0.1", "1")
    assert (tmp_path / ".kolla-version").read_text() == "10.11.14"


@pytest.mark.parametrize("greeting", GREETINGS)
def test_the_server_that_runs_is_asked(greeting: bytes) -> None:
    load("mariadb", "server.py")
    script = load("mariadb", "takeover")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(greeting)

        thread = threading.Thread(target=answer)
        thread.start()
        port = listener.getsockname()[1]
        assert script.running("127.0.0.1", port) == GREETINGS[greeting]
        thread.join()
    assert script.running("127.0.0.1", port) is None
