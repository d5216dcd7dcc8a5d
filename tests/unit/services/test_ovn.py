"""OVN's databases: who makes a cluster, who joins it, who is taken out of it, and what consumers are told."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from kolla.errors import Location
from kolla.settings.expressions import render

from .scripts import SERVICES, load

WHERE = Location(Path("service.yml"))
SERVICE: dict[str, Any] = yaml.safe_load((SERVICES / "ovn/service.yml").read_text())
OURS = "b314fda4-469d-484d-9042-3b46aaae63fe"
OTHER = "7d0b9a7c-0c5e-4a8f-9d5e-2f0f3b1f6a11"
NONE = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def script() -> ModuleType:
    return load("ovn", "kolla_ovn_database")


def words(
    address: str = "10.0.0.1", members: str = "10.0.0.1,10.0.0.2,10.0.0.3", port: int = 6641
) -> list[str]:
    options = {"file": "/db", "schema": "/schema", "address": address, "members": members, "port": port}
    return ["OVN_Northbound", *(f"--{k}={v}" for k, v in options.items()), "--cluster-port=6643"]


def test_consumers_are_told_every_member() -> None:
    members = [SimpleNamespace(address="10.0.0.5"), SimpleNamespace(address="10.0.0.6")]
    scope = {"endpoint": SimpleNamespace(members=members), "ovn_nb_db_port": 6641, "ovn_sb_db_port": 6642}
    variables = SERVICE["provides"]["overlay"]["variables"]
    assert render(variables["nb_connection"], scope, WHERE) == "tcp:10.0.0.5:6641,tcp:10.0.0.6:6641"
    assert render(variables["sb_connection"], scope, WHERE) == "tcp:10.0.0.5:6642,tcp:10.0.0.6:6642"


def test_addresses_of_ipv6_are_in_brackets_where_ports_are(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listens: list[str] = []
    monkeypatch.setattr(script.os, "execvp", lambda program, argv: listens.extend(argv))
    monkeypatch.setattr(script, "is_clustered", lambda database: False)
    (database,) = script.databases(words("fd00::1", "fd00::1"))
    script.serve(database)
    assert "--remote=ptcp:6641:[fd00::1]" in listens
    assert database.remote == "tcp:[fd00::1]:6641"
    assert database.place("fd00::2") == "tcp:[fd00::2]:6643"


@pytest.mark.parametrize(
    ("present", "peers", "first", "todo"),
    [
        (None, ("absent", "absent"), True, "create"),
        (None, ("joining", "absent"), True, "create"),
        (None, ("absent", "absent"), False, "join"),
        (None, ("silent", "silent"), False, "join"),
        (None, (OURS, "silent"), True, "join"),
        (None, ("alone", "silent"), True, "join"),
        ("alone", ("absent", "joining"), True, "convert"),
        ("alone", ("absent", "joining"), False, "convert"),
        (OURS, ("silent", "silent"), True, "serve"),
        (OURS, (OURS, "absent"), False, "serve"),
        (NONE, (OURS, OURS), False, "serve"),
    ],
)
def test_what_becomes_of_a_file(
    script: ModuleType, present: str | None, peers: tuple[str, ...], first: bool, todo: str
) -> None:
    assert script.decide(present, dict(zip(("b", "c"), peers, strict=True)), first=first) == todo


@pytest.mark.parametrize(
    ("present", "peers", "why"),
    [
        (None, ("absent", "silent"), "c cannot be asked whether there is a cluster already"),
        ("alone", (OURS, "absent"), f"of a server alone, and others are not without: in cluster {OURS}"),
        ("alone", ("alone", "absent"), "of a server alone, and others are not without: b"),
        (
            OTHER,
            (OURS, "absent"),
            f"the file here is of cluster {OTHER}, and others have {OURS}: remove the volume",
        ),
        (
            OURS,
            ("alone", "absent"),
            f"the file here is of cluster {OURS}, and others have b: remove the volume",
        ),
    ],
)
def test_nothing_is_lost_where_it_is_not_certain(
    script: ModuleType, present: str | None, peers: tuple[str, ...], why: str
) -> None:
    with pytest.raises(script.Fault, match=why):
        script.decide(present, dict(zip(("b", "c"), peers, strict=True)), first=True)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"model": "standalone", "connected": True, "cid": ["set", []]}, "alone"),
        ({"model": "clustered", "connected": False, "cid": ["uuid", NONE]}, "joining"),
        ({"model": "clustered", "connected": True, "cid": ["uuid", OURS]}, OURS),
        ({"model": "clustered", "connected": False, "cid": ["uuid", OURS]}, OURS),
        (None, "absent"),
    ],
)
def test_another_member_is_asked_what_it_has(
    script: ModuleType, row: dict[str, Any] | None, expected: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        reply = json.dumps({"id": 0, "result": [{"rows": [row] if row else []}], "error": None}).encode()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                # In two parts: an answer is complete when it is, not when something came.
                connection.sendall(reply[:20])
                connection.sendall(reply[20:])

        thread = threading.Thread(target=serve)
        thread.start()
        (database,) = script.databases(words(port=server.getsockname()[1]))
        assert script.ask("127.0.0.1", database) == expected
        thread.join()


def test_a_host_where_nobody_listens_has_nothing(script: ModuleType) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (database,) = script.databases(words(port=port))
    assert script.ask("127.0.0.1", database) == "absent"


STATUS = """\
3076
Name: OVN_Northbound
Address: tcp:10.0.0.3:6643
Servers:
    b703 (b703 at tcp:10.0.0.1:6643) last msg 96 ms ago
    5c24 (5c24 at tcp:10.0.0.3:6643)
    120f (120f at tcp:10.0.0.2:6643)
    3076 (3076 at tcp:10.0.0.3:6643) (self)
    77aa (77aa at tcp:10.0.0.9:6643) last msg 96 ms ago
"""


def test_only_who_lost_its_file_or_is_no_member_is_taken_out(script: ModuleType) -> None:
    (third,) = script.databases(words("10.0.0.3"))
    assert script.stale(STATUS, third) == [("5c24", "tcp:10.0.0.3:6643"), ("77aa", "tcp:10.0.0.9:6643")]
    # Which of two at another host's address is the living one, only that host knows.
    (first,) = script.databases(words("10.0.0.1"))
    assert script.stale(STATUS.replace(" (self)", ""), first)[-1] == ("77aa", "tcp:10.0.0.9:6643")


def test_a_schema_is_never_taken_down(script: ModuleType) -> None:
    assert script.older("7.9.0", "7.11.0") == ["7.9.0"]
    assert script.older("7.11.0", "7.11.0") == script.older("8.0.0", "7.11.0") == []


def test_a_file_is_replaced_and_kept(script: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "ovnnb.db"
    file.write_text("before")
    script.keep(file, lambda new: Path(new).write_text("after"))
    assert file.read_text() == "after"
    (kept,) = tmp_path.glob("ovnnb.db.before-*")
    assert kept.read_text() == "before"


def test_several_databases_are_named_one_after_the_other(script: ModuleType) -> None:
    first, second = script.databases([*words(), *words("10.0.0.2")])
    assert (first.address, second.address) == ("10.0.0.1", "10.0.0.2")
    assert first.others == ["10.0.0.2", "10.0.0.3"]
