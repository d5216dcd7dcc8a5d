"""Members of the message bus: who begins a cluster, who joins whom, and who is forgotten."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .scripts import load

HERE = "rabbit@one"


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    script = load("rabbitmq", "kolla_rabbitmq_start")
    monkeypatch.setattr(script, "NODES", tmp_path / "mnesia")
    monkeypatch.setattr(script, "MARK", tmp_path / ".kolla-member")
    monkeypatch.setattr(script, "TIMEOUT", 0.5)
    return script


@pytest.fixture
def members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    script = load("rabbitmq", "kolla_rabbitmq_members")
    monkeypatch.setattr(script, "NODES", tmp_path / "mnesia")
    monkeypatch.setattr(script, "MARK", tmp_path / ".kolla-member")
    return script


@pytest.fixture
def server() -> Iterator[int]:
    """The port of somebody who says something to everyone."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(8)
                    connection.sendall(b"\x01")

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


def cluster(port: int, *names: str) -> dict[str, Any]:
    """Members at this machine's addresses; nobody answers at those of hosts called `off`."""
    members = [
        {"node": f"rabbit@{name}", "address": "127.0.0.2" if name.startswith("off") else "127.0.0.1"}
        for name in names
    ]
    return {"here": HERE, "port": port, "members": members}


def test_the_first_host_begins_where_nobody_runs(start: ModuleType, server: int) -> None:
    assert start.seeds(cluster(server, "one", "off2", "off3")) == [HERE]


def test_the_first_host_joins_those_that_run(start: ModuleType, server: int) -> None:
    assert start.seeds(cluster(server, "one", "off2", "three")) == ["rabbit@three"]


def test_another_host_waits_for_one_that_runs(
    start: ModuleType, server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = cluster(server, "off1", "one")

    def pause(seconds: int) -> None:
        waited["members"][0]["address"] = "127.0.0.1"

    monkeypatch.setattr(start.time, "sleep", pause)
    assert start.seeds(waited) == ["rabbit@off1"]


def test_seeds_are_lines_of_the_configuration(start: ModuleType) -> None:
    assert start.configuration(["rabbit@a", "rabbit@b"]).splitlines() == [
        "cluster_formation.peer_discovery_backend = classic_config",
        "cluster_formation.classic_config.nodes.1 = rabbit@a",
        "cluster_formation.classic_config.nodes.2 = rabbit@b",
    ]


@pytest.mark.parametrize("left", ["mnesia/rabbit@one/schema.DAT", ".kolla-member"])
def test_a_member_with_data_is_one_already(start: ModuleType, tmp_path: Path, left: str) -> None:
    (tmp_path / "mnesia/rabbit@one").mkdir(parents=True)
    (tmp_path / "mnesia/rabbit@one/cluster_nodes.config").touch()
    assert not start.has_data(HERE)
    (tmp_path / left).touch()
    assert start.has_data(HERE)


def programs(script: ModuleType, monkeypatch: pytest.MonkeyPatch, path: Path, said: object) -> Path:
    """RabbitMQ's own programs, which say this and write down what they are asked."""
    directory, asked = path / "bin", path / "asked"
    directory.mkdir()
    asked.touch()
    for name in ("rabbitmqctl", "rabbitmq-queues", "rabbitmq-streams"):
        program = directory / name
        program.write_text(
            f'#!/bin/sh\necho {name} "$@" >> {asked}\ncase "$*" in\n'
            f"*cluster_status*) echo '{json.dumps(said)}';;\n"
            '*list_vhosts*) echo \'[{"name": "/"}]\';;\n'
            '*list_queues*) echo \'[{"name": "s", "type": "stream", "members": ["rabbit@two"]}]\';;\nesac\n'
        )
        program.chmod(0o755)
    monkeypatch.setattr(script, "PROGRAMS", directory)
    return asked


def status(*running: str, gone: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    nodes = [f"rabbit@{name}" for name in running]
    known = [*nodes, *(f"rabbit@{name}" for name in gone)]
    return {"running_nodes": nodes, "disk_nodes": known, "partitions": {}, "alarms": [], **more}


def test_an_earlier_member_of_this_name_is_forgotten(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = programs(start, monkeypatch, tmp_path, status("two", gone=("one",)))
    start.forget(HERE, "rabbit@two")
    assert f"--node rabbit@two forget_cluster_node {HERE}" in asked.read_text()


def test_one_that_was_never_there_need_not_be_forgotten(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = programs(start, monkeypatch, tmp_path, status("two"))
    start.forget(HERE, "rabbit@two")
    assert "forget_cluster_node" not in asked.read_text()


def test_another_server_of_this_name_is_left_alone(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = programs(start, monkeypatch, tmp_path, status("one", "two"))
    with pytest.raises(ValueError, match="no two hosts may have one name"):
        start.forget(HERE, "rabbit@two")
    assert "forget_cluster_node" not in asked.read_text()


def test_a_member_that_was_forgotten_says_how_to_join(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs(start, monkeypatch, tmp_path, status("two"))
    with pytest.raises(ValueError, match="kolla rabbitmq-reset HOST"):
        start.check_known(HERE, "rabbit@two")
    start.check_known("rabbit@two", "rabbit@two")


def test_a_member_whose_fellow_does_not_say_anything_starts(start: ModuleType, tmp_path: Path) -> None:
    broken = tmp_path / "rabbitmqctl"
    broken.write_text("#!/bin/sh\nexit 69\n")
    broken.chmod(0o755)
    start.PROGRAMS = tmp_path
    start.check_known(HERE, "rabbit@two")


def test_the_only_member_that_runs_is_not_emptied(
    server: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = load("rabbitmq", "kolla_rabbitmq_empty")
    monkeypatch.setattr(empty, "MEMBERS", tmp_path / "members.json")
    empty.MEMBERS.write_text(json.dumps(cluster(server, "one", "off2", "three")))
    empty.look()
    empty.MEMBERS.write_text(json.dumps(cluster(server, "one", "off2")))
    with pytest.raises(SystemExit, match="all queues would be lost"):
        empty.look()


def test_a_member_takes_part_in_all_queues(
    members: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = programs(members, monkeypatch, tmp_path, status("one", "two"))
    assert members.settle(cluster(1, "one", "two")) == {"changed": False, "forgotten": []}
    said = asked.read_text()
    assert f"rabbitmq-queues --quiet grow {HERE} all" in said
    assert f"rabbitmq-streams --quiet add_replica --vhost / s {HERE}" in said
    assert (tmp_path / ".kolla-member").exists()


def test_what_left_the_group_is_forgotten_by_one_of_those_that_stay(
    members: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = programs(members, monkeypatch, tmp_path, status("one", "two", gone=("three",)))
    assert members.settle(cluster(1, "one", "two"))["forgotten"] == ["rabbit@three"]
    assert "forget_cluster_node rabbit@three" in asked.read_text()
    asked.write_text("")
    members.settle({**cluster(1, "one", "two"), "here": "rabbit@two"})
    assert "forget_cluster_node" not in asked.read_text()


def test_what_left_the_group_and_still_runs_is_named(
    members: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs(members, monkeypatch, tmp_path, status("one", "three"))
    with pytest.raises(ValueError, match="rabbit@three is no longer wanted, and runs"):
        members.settle(cluster(1, "one"))


def test_a_single_member_asks_nothing(
    members: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = programs(members, monkeypatch, tmp_path, status("one"))
    (tmp_path / "mnesia/rabbit@one").mkdir(parents=True)
    known = tmp_path / "mnesia/rabbit@one/cluster_nodes.config"
    known.write_text("{[rabbit@one],[rabbit@one]}.\n")
    members.settle(cluster(1, "one"))
    assert asked.read_text() == ""
    known.write_text("{[rabbit@one,'rabbit@one-2'],[rabbit@one]}.\n")
    members.settle(cluster(1, "one"))
    assert "cluster_status" in asked.read_text()


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (status("one", "two"), "rabbit@three does not run, or is cut off"),
        (
            status("one", "two", "three", partitions={"rabbit@one": ["rabbit@two"]}),
            "rabbit@one does not see rabbit@two",
        ),
        (
            status("one", "two", "three", alarms=[{"node": "rabbit@two", "resource": "disk"}]),
            "rabbit@two: alarm disk",
        ),
    ],
)
def test_what_is_wrong_with_a_cluster_is_said(
    members: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seen: object, said: str
) -> None:
    programs(members, monkeypatch, tmp_path, seen)
    with pytest.raises(ValueError, match=said):
        members.look(cluster(1, "one", "two", "three"))


def test_a_whole_cluster_is_told(
    members: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs(members, monkeypatch, tmp_path, status("one", "two"))
    assert members.look(cluster(1, "one", "two")) == "2 of 2 members run."
