"""Who begins a database's cluster, who joins, who waits, and when nobody goes on without being told to."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .scripts import load

OURS, THEIRS = "975f9d72-ebda-11f1-b51f-c33d3fb86e5f", "0a1b2c3d-ebda-11f1-b51f-c33d3fb86e5f"
RUNNING = f"# GALERA saved state\nversion: 2.1\nuuid:    {OURS}\nseqno:   -1\nsafe_to_bootstrap: 0\n"
ENDED = RUNNING.replace("   -1", "   42")
SILENT = {"b": "", "c": ""}
SERVED = {"b": OURS, "c": ""}


@pytest.fixture(scope="module")
def server() -> ModuleType:
    return load("mariadb", "server.py")


@pytest.fixture(scope="module")
def cluster(server: ModuleType) -> ModuleType:
    return load("mariadb", "cluster.py")


@pytest.fixture(scope="module")
def peers() -> ModuleType:
    return load("mariadb", "peers.py")


@pytest.fixture
def recovery(
    cluster: ModuleType, peers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    store = load("mariadb", "store.py")
    monkeypatch.setattr(store, "STORE", tmp_path)
    return load("mariadb", "recovery")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A volume with data of nobody knows whom."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "ibdata1").write_text("rows")
    return data


def member(cluster: ModuleType, **given: Any) -> Any:
    at = given.pop("at", None)
    saved = cluster.Position(*at) if at else None
    return cluster.Member(**{"data": True, "saved": saved, "last": False, "view": False, **given})


def test_an_empty_member_waits_for_one_that_serves_and_never_begins(cluster: ModuleType) -> None:
    empty = member(cluster, data=False)
    assert cluster.decide(empty, SILENT) == "wait"
    assert cluster.decide(empty, SERVED) == "join"


def test_the_last_one_begins_unless_another_serves(cluster: ModuleType) -> None:
    last = member(cluster, at=(OURS, 42), last=True)
    assert cluster.decide(last, SILENT) == "found"
    assert cluster.decide(last, SERVED) == "join"


def test_who_was_killed_goes_to_meet_the_others_and_who_ended_waits(cluster: ModuleType) -> None:
    assert cluster.decide(member(cluster, at=(OURS, -1), view=True), SILENT) == "join"
    assert cluster.decide(member(cluster, at=(OURS, 42)), SILENT) == "wait"
    assert cluster.decide(member(cluster, at=(OURS, 42)), SERVED) == "join"


def test_what_is_half_copied_is_as_good_as_nothing(cluster: ModuleType) -> None:
    partial = member(cluster, at=(cluster.NOBODY, -1))
    assert cluster.decide(partial, SILENT) == "wait"
    assert cluster.decide(partial, SERVED) == "join"


def test_a_server_alone_begins_a_cluster_when_it_is_marked_only(cluster: ModuleType) -> None:
    marked = member(cluster, at=(cluster.NOBODY, -1), last=True)
    assert cluster.decide(marked, SILENT) == "found"
    with pytest.raises(
        cluster.server.Fault, match="of a server alone, on a host that is not the first: remove the volume"
    ):
        cluster.decide(member(cluster), SILENT)


def test_nobody_gives_up_data_that_the_others_do_not_have(cluster: ModuleType) -> None:
    for alone in (member(cluster), member(cluster, at=(cluster.NOBODY, -1), last=True)):
        with pytest.raises(
            cluster.server.Fault, match="of a server alone, and others have a cluster: remove the volume"
        ):
            cluster.decide(alone, SERVED)
    for last in (False, True):
        with pytest.raises(cluster.server.Fault, match=f"of cluster {THEIRS}, others serve {OURS}"):
            cluster.decide(member(cluster, at=(THEIRS, 3), last=last), SERVED)


@given(
    seqno=st.integers(-1, 99),
    uuid=st.sampled_from([OURS, THEIRS, "00000000-0000-0000-0000-000000000000"]),
    last=st.booleans(),
    view=st.booleans(),
    serving=st.lists(st.sampled_from(["", OURS, THEIRS]), min_size=1, max_size=4),
)
def test_nobody_begins_a_cluster_beside_one_or_unmarked(
    cluster: ModuleType, seqno: int, uuid: str, last: bool, view: bool, serving: list[str]
) -> None:
    here = member(cluster, at=(uuid, seqno), last=last, view=view)
    try:
        todo = cluster.decide(here, dict(enumerate(serving)))
    except cluster.server.Fault as refused:
        assert "remove the volume" in str(refused)
        return
    assert todo != "found" or (last and not any(serving))


def test_what_galera_wrote_is_read(cluster: ModuleType, data: Path) -> None:
    assert cluster.look(data) == member(cluster)
    (data / "grastate.dat").write_text(RUNNING)
    (data / "gvwstate.dat").write_text("#vwbeg\n")
    assert cluster.look(data) == member(cluster, at=(OURS, -1), view=True)
    (data / "grastate.dat").write_text(ENDED.replace("bootstrap: 0", "bootstrap: 1"))
    assert cluster.look(data) == member(cluster, at=(OURS, 42), last=True, view=True)


@pytest.mark.parametrize("torn", ["", "\0" * 100, "# GALERA saved state\nversion: 2.1\nuuid:", "seqno: x"])
def test_what_a_power_cut_left_of_it_is_known_to_say_nothing(
    cluster: ModuleType, data: Path, torn: str
) -> None:
    (data / "grastate.dat").write_text(torn)
    found = cluster.look(data)
    assert (found.saved.known, found.last) == (False, False)


def test_a_mark_is_what_galera_reads_and_forgets_whom_it_was_with(cluster: ModuleType, data: Path) -> None:
    (data / "gvwstate.dat").touch()
    cluster.mark(data, cluster.Position(OURS, 42))
    assert cluster.look(data) == member(cluster, at=(OURS, 42), last=True)


def tool(directory: Path, text: str) -> str:
    """A directory with a server that does that, for PATH."""
    (directory / "bin").mkdir()
    (directory / "bin/mariadbd").write_text(f"#!/bin/sh\n{text}\n")
    (directory / "bin/mariadbd").chmod(0o755)
    return f"{directory}/bin:/usr/bin:/bin"


RECOVERS = f"""
for word; do case $word in --log-error=*.err) log=${{word#*=}};; esac; done
echo "2026-11-29 [Note] WSREP: Recovered position: {OURS}:77" >"$log"
"""


def test_how_far_the_data_of_a_member_that_was_killed_is_the_server_says(
    cluster: ModuleType, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "grastate.dat").write_text(RUNNING)
    monkeypatch.setenv("PATH", tool(tmp_path, RECOVERS))
    assert str(cluster.reached(data, cluster.look(data))) == f"{OURS}:77"
    (data / "grastate.dat").write_text(ENDED)
    assert str(cluster.reached(data, cluster.look(data))) == f"{OURS}:42"


def test_data_that_no_server_can_read_does_not_tell(
    cluster: ModuleType, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", tool(tmp_path, "echo 'page is corrupt' >&2; exit 1"))
    with pytest.raises(cluster.server.Fault, match="does not tell how far it is: page is corrupt"):
        cluster.reached(data, cluster.look(data))


def test_the_others_are_in_the_configuration(peers: ModuleType) -> None:
    options = {
        "wsrep_cluster_address": "gcomm://10.0.0.1:4567,10.0.0.2:4567",
        "wsrep_node_address": "10.0.0.2:4567",
    }
    assert peers.others(options) == ["10.0.0.1"]
    assert peers.members(options) == ["10.0.0.1", "10.0.0.2"]


def test_addresses_of_ipv6_are_asked_without_their_brackets(peers: ModuleType) -> None:
    options = {
        "wsrep_cluster_address": "gcomm://[fd00::1]:4567,[fd00::2]:4567",
        "wsrep_node_address": "[fd00::2]:4567",
    }
    assert peers.others(options) == ["fd00::1"]
    assert peers.members(options) == ["fd00::1", "fd00::2"]


@pytest.mark.parametrize(
    ("status", "ready", "serves"),
    [("Primary", "ON", True), ("Primary", "OFF", False), ("non-Primary", "OFF", False)],
)
def test_a_member_serves_while_it_takes_part_in_the_majority(
    peers: ModuleType, status: str, ready: str, serves: bool
) -> None:
    said = f"wsrep_ready\t{ready}\nwsrep_cluster_state_uuid\t{OURS}\nwsrep_cluster_status\t{status}\n"
    assert peers.serves(said) == (OURS if serves else "")
    assert peers.serves("") == ""


def test_a_member_says_what_lies_there(recovery: ModuleType, data: Path) -> None:
    (data / "grastate.dat").write_text(ENDED)
    assert recovery.position(data) == {"of": OURS, "at": 42, "last": False}
    (data / "sst_in_progress").touch()
    assert recovery.position(data)["of"] is None
    (data / "ibdata1").unlink()
    assert recovery.position(data)["of"] is None


def test_what_there_is_is_kept_and_the_chosen_one_is_marked(
    recovery: ModuleType, cluster: ModuleType, data: Path, tmp_path: Path
) -> None:
    (data / "grastate.dat").write_text(ENDED)
    (data / "gvwstate.dat").touch()
    (data / "galera.cache").touch()
    assert "joins two" in recovery.begin(data, "one", "two")["message"]
    assert not cluster.look(data).last
    assert recovery.begin(data, "one", "one") == {"message": "begins the cluster at 42"}
    assert cluster.look(data) == member(cluster, at=(OURS, 42), last=True)
    kept = tmp_path / "before-recovery"
    assert (kept / "ibdata1").read_text() == "rows"
    assert (kept / "grastate.dat").read_text() == ENDED
    assert not (kept / "galera.cache").exists()


def test_nothing_is_marked_where_nothing_could_be_kept(
    recovery: ModuleType, cluster: ModuleType, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "grastate.dat").write_text(ENDED)
    monkeypatch.setattr(recovery.store, "SPARE", 1 << 60)
    with pytest.raises(cluster.server.Fault, match="a copy of the data needs"):
        recovery.begin(data, "one", "one")
    assert not cluster.look(data).last
