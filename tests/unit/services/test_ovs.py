"""What the switch's programs have in common, and how its database is handed on."""

from __future__ import annotations

import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .scripts import load


@pytest.fixture
def ovs() -> ModuleType:
    return load("openvswitch", "ovs.py")


@pytest.fixture
def database(ovs: ModuleType) -> ModuleType:
    return load("openvswitch", "kolla_switch_database")


def test_the_databases_notation_is_understood(ovs: ModuleType) -> None:
    assert ovs.plain(["map", [["a", "b"]]]) == {"a": "b"}
    assert ovs.plain(["set", [["uuid", "1"], ["uuid", "2"]]]) == ["1", "2"]
    assert ovs.plain("secure") == "secure"


def test_one_waits_for_the_end_of_the_one_before_it(ovs: ModuleType, tmp_path: Path) -> None:
    control = str(tmp_path / "control")
    ovs.await_end(control, "switch")  # there is none
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(control)
        other.listen(100)
        with ThreadPoolExecutor() as threads:
            waiting = threads.submit(ovs.await_end, control, "switch")
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
            other.close()
            waiting.result(5)  # what was killed leaves its socket behind


def test_one_does_not_wait_for_ever(ovs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ovs, "PATIENCE", 0)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "control"))
        other.listen(100)
        with pytest.raises(ovs.Fault, match="another switch goes on working"):
            ovs.await_end(str(tmp_path / "control"), "switch")


def test_what_was_kept_is_taken_once_and_only_fresh(ovs: ModuleType, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    assert ovs.handed_over(kept) is None
    kept.write_text('{"br-int": {}}')
    assert ovs.handed_over(kept) == {"br-int": {}}
    assert ovs.handed_over(kept) is None
    kept.write_text('{"br-int": {}}')
    os.utime(kept, (0, 0))
    assert ovs.handed_over(kept) is None
    kept.write_text('{"br-int')
    assert ovs.handed_over(kept) is None
    assert not kept.exists()


def test_a_socket_left_behind_does_not_answer(ovs: ModuleType, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    assert not ovs.answers(path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        assert not ovs.answers(path)
        listener.listen()
        assert ovs.answers(path)
    assert not ovs.answers(path)


@pytest.mark.parametrize(("version", "than", "older"), [("8.5.0", "8.10.0", True), ("8.5.0", "8.5.0", False)])
def test_only_an_older_database_is_converted(ovs: ModuleType, version: str, than: str, older: bool) -> None:
    assert ovs.is_older(version, than) is older
    assert not ovs.is_older(than, version)


def test_who_lives_is_said_again_before_others_may_ask(
    database: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: Any = ["map", [["forwarding", "true"], ["state", "up"]]]
    rows = [{"name": "ovn-node1-0", "bfd_status": alive}, {"name": "br-int", "bfd_status": ["map", []]}]
    asked = []

    def answer(*question: Any) -> Any:
        asked.append(question[3:])
        return [{"rows": rows}]

    monkeypatch.setattr(database.ovs, "ask", answer)
    monkeypatch.setattr(database, "KEPT", tmp_path / "kept")
    database.restore()
    assert asked == []
    database.keep()
    database.restore()
    (_, (again,)) = asked
    assert (again["where"], again["row"]) == ([["name", "==", "ovn-node1-0"]], {"bfd_status": alive})
    database.restore()
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ([b'{"id": 0, "result": [{"ro', b'ws": []}], "error": null}'], [{"rows": []}]),
        ([b'{"id": 0, "result": null, "error": "unknown"}'], None),
        ([b'{"id": 0'], None),
    ],
)
def test_a_server_is_asked_without_another_program(
    ovs: ModuleType, tmp_path: Path, answer: list[bytes], found: Any
) -> None:
    path = str(tmp_path / "control")
    with socket.socket(socket.AF_UNIX) as listener, ThreadPoolExecutor() as threads:
        listener.bind(path)
        listener.listen()
        asked = threads.submit(ovs.ask, path, "transact", "Open_vSwitch", {"op": "select"})
        connection, _ = listener.accept()
        with connection:
            assert json.loads(connection.recv(1000)) == {
                "method": "transact",
                "params": ["Open_vSwitch", {"op": "select"}],
                "id": 0,
            }
            for part in answer:
                connection.sendall(part)
                time.sleep(0.05)
        if found is None:
            with pytest.raises(ovs.Fault, match=r"control: transact: (unknown|no answer)"):
                asked.result(5)
        else:
            assert asked.result(5) == found


def test_all_others_have_to_be_known_to_live(ovs: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = "Forwarding: true", "Forwarding: true\nForwarding: false"
    for said, seen in ((one, True), (two, False), ("", True)):
        monkeypatch.setattr(ovs, "run", lambda *_, said=said: said)
        assert ovs.sees_others() is seen
