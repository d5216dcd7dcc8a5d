"""The program that takes hosts out of haproxy, against a socket that answers as haproxy 3.0 does."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

from .scripts import load

COLUMNS = "be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight"


@dataclass
class Haproxy:
    """Members by (listener, host): operational state, administrative state, backup, sessions. Connections to
    web/one by id: whether something comes by each all the time. A second passes whenever they are shown."""

    members: dict[tuple[str, str], list[int]]
    connections: dict[str, bool] = field(default_factory=dict)
    shown: int = 0
    asked: list[str] = field(default_factory=list)
    after: Callable[[Haproxy], None] = lambda self: None
    """What happens once figures were asked for."""

    def answer(self, command: str) -> str:
        if command == "show servers state":
            rows = [f"4 {b} 1 {h} 10.0.0.1 {m[0]} {m[1]} 1" for (b, h), m in self.members.items()]
            return "\n".join(["1", f"# {COLUMNS}", *rows, "", ""])
        if command.startswith("show stat"):
            rows = [f"{b},{h},{m[3]},{m[2]}" for (b, h), m in self.members.items()]
            said = "\n".join(["# pxname,svname,scur,bck", *rows, "", ""])
            self.after(self)
            return said
        if command == "show sess":
            self.shown += 1
            return "".join(
                f"{id}: proto=tcpv4 src=10.0.0.9:5 fe=web be=web srv=one ts=00 age=1m calls=3 "
                f"scf=[8,0h,fd=26,rex={left}s,wex=] scb=[8,1h,fd=27,rex=59m{left}s,wex=] exp=59m32s\n"
                for id, busy in self.connections.items()
                for left in [59 if busy else 59 - self.shown]
            )
        self.asked.append(command)
        if command.startswith("shutdown sessions server web/one"):
            self.connections.clear()
        for ended in re.findall(r"shutdown session (\w+)", command):
            del self.connections[ended]
        if command.startswith("shutdown"):
            self.members["web", "one"][3] = len(self.connections)
            return "\n"
        _, _, place, _, state = command.split()
        listener, host = place.split("/")
        self.members[listener, host][1] = {"ready": 0, "drain": 8, "maint": 1}[state]
        return "\n"


@pytest.fixture
def program() -> ModuleType:
    return load("haproxy", "kolla_haproxy_members")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Haproxy], str]]:
    path, listening = str(tmp_path / "stats.sock"), socket.socket(socket.AF_UNIX)

    def start(haproxy: Haproxy) -> str:
        listening.bind(path)
        listening.listen()

        def answer() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return  # the test is over
                with connection:
                    connection.sendall(haproxy.answer(connection.recv(1000).decode().strip()).encode())

        threading.Thread(target=answer, daemon=True).start()
        return path

    yield start
    listening.close()


def two(first: int = 2, second: int = 2, *, backup: int = 0, sessions: int = 0) -> Haproxy:
    return Haproxy({("web", "one"): [first, 0, 0, sessions], ("web", "two"): [second, 0, backup, 0]})


def test_a_host_is_out_once_its_requests_have_ended(
    program: ModuleType, serve: Callable[[Haproxy], str]
) -> None:
    haproxy = two(sessions=3)

    def ends(one: Haproxy) -> None:
        one.members["web", "one"][3] = max(0, one.members["web", "one"][3] - 1)

    haproxy.after = ends
    assert program.main("drain", "30", "one", "web", "gone", path=serve(haproxy)) == 0
    assert haproxy.asked == ["set server web/one state drain"]
    assert haproxy.members["web", "one"][3] == 0


def test_requests_that_do_not_end_are_told_and_not_waited_for(
    program: ModuleType, serve: Callable[[Haproxy], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main("drain", "0", "one", "web", path=serve(two(sessions=3))) == 0
    assert "3 connections did not end within 0 s" in capsys.readouterr().out


@pytest.mark.parametrize(("state", "admin"), [(0, 0), (2, 8), (2, 1)])
def test_the_last_one_that_serves_stays(
    program: ModuleType, serve: Callable[[Haproxy], str], state: int, admin: int
) -> None:
    haproxy = two(second=state)
    haproxy.members["web", "two"][1] = admin
    assert program.main("drain", "30", "one", "web", path=serve(haproxy)) == 0
    assert haproxy.asked == []


def test_where_one_serves_at_a_time_connections_are_closed_once_they_are_quiet(
    program: ModuleType, serve: Callable[[Haproxy], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "QUIET_SECONDS", 0)
    haproxy = two(backup=1, sessions=2)
    haproxy.connections = {"0x1a": False, "0x2b": True}

    def is_answered(one: Haproxy) -> None:
        if one.shown == 3:
            one.connections["0x2b"] = False

    haproxy.after = is_answered
    path = serve(haproxy)
    assert program.main("drain", "30", "one", "web", path=path) == 0
    assert program.main("admit", "30", "one", "web", path=path) == 0
    assert haproxy.asked == [
        "set server web/one state maint",
        "shutdown session 0x1a",
        "shutdown session 0x2b",
        *["set server web/one state ready"] * 2,
    ]


def test_where_one_serves_at_a_time_what_stays_busy_is_closed_at_the_end(
    program: ModuleType, serve: Callable[[Haproxy], str], capsys: pytest.CaptureFixture[str]
) -> None:
    haproxy = two(backup=1, sessions=1)
    haproxy.connections = {"0x2b": True}
    assert program.main("drain", "0", "one", "web", path=serve(haproxy)) == 0
    assert haproxy.asked[1:] == ["shutdown sessions server web/one"]
    assert "1 connections did not end within 0 s" in capsys.readouterr().out


def test_who_is_out_is_told_and_put_back(
    program: ModuleType, serve: Callable[[Haproxy], str], capsys: pytest.CaptureFixture[str]
) -> None:
    haproxy = two()
    haproxy.members["web", "two"][1] = 8
    path = serve(haproxy)
    assert program.main("drained", path=path) == 0
    assert json.loads(capsys.readouterr().out) == [["web", "two"]]
    assert program.main("admit", "30", "two", "web", path=path) == 0
    assert haproxy.asked == ["set server web/two state ready"]


def test_one_whose_checks_do_not_pass_is_told_and_left_to_them(
    program: ModuleType, serve: Callable[[Haproxy], str], capsys: pytest.CaptureFixture[str]
) -> None:
    haproxy = two(first=0)
    haproxy.members["web", "one"][1] = 8
    assert program.main("admit", "0", "one", "web", path=serve(haproxy)) == 1
    assert haproxy.asked == ["set server web/one state ready"]
    assert "the checks of one do not pass" in capsys.readouterr().err


def test_a_haproxy_that_does_not_answer_holds_nobody_up(
    program: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "none.sock")
    assert program.main("drain", "30", "one", "web", path=path) == 0
    assert program.main("admit", "30", "one", "web", path=path) == 0
    capsys.readouterr()
    assert program.main("drained", path=path) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_it_is_known_whether_this_haproxy_runs(
    program: ModuleType, serve: Callable[[Haproxy], str], tmp_path: Path
) -> None:
    assert program.main("answer", path=str(tmp_path / "nobody.sock")) == 1
    assert program.main("answer", path=serve(Haproxy({}))) == 0
