"""Scripts of the shared storage: what they decide, and what they refuse."""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .scripts import load

CLUSTER = load("ceph", "ceph_cluster.py")
CHECK, HEALTH, MONITOR, OSD, POOLS, RELEASE, REMOVE, SETTLE = (
    load("ceph", name)
    for name in ("check", "health", "monitor", "osd", "pools", "release", "remove", "settle")
)
FSID = "9c6a1f5e-7a53-4d0c-9d8a-0d8e0b9b1c11"
OWN = {"fsid": FSID, "host": "one", "name": "a", "file": "4G", "device": None}


class Answers:
    """A cluster that answers what a test says, and remembers what it was told."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.told: list[tuple[str, dict[str, Any]]] = []

    def ask(self, prefix: str, data: str = "", **arguments: Any) -> Any:
        self.told.append((prefix, arguments))
        answer = self.answers.get(prefix.replace(" ", "_").replace("-", "_"))
        if isinstance(answer, Exception):
            raise answer
        return answer

    ask_manager = ask


# --- copies -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "disks, size, found",
    [
        ({}, 0, ("osd", 1)),
        ({"a": ["one"]}, 0, ("osd", 1)),
        ({"a": ["one"], "b": ["one"]}, 0, ("osd", 2)),
        ({"a": ["one"], "b": ["one"], "c": ["one"], "d": ["one"]}, 0, ("osd", 3)),
        ({"a": ["one", "two"], "b": ["one"]}, 0, ("host", 2)),
        ({"a": ["one", "two", "three", "four"]}, 0, ("host", 3)),
        ({"a": ["one", "two", "three"]}, 2, ("host", 2)),
    ],
)
def test_copies_follow_hosts_or_the_disks_of_the_only_one(
    disks: dict[str, list[str]], size: int, found: tuple[str, int]
) -> None:
    assert SETTLE.policy(disks, size) == found


@given(st.integers(1, 10))
def test_nothing_is_written_without_more_than_half_of_three_or_more_copies(size: int) -> None:
    least = SETTLE.minimum(size)
    assert 1 <= least <= size
    assert size < 3 or least * 2 > size


POOL = {"pool_name": "volumes", "size": 2, "min_size": 1, "crush_rule": 7}
RULES = [{"rule_name": name, "rule_id": id_} for id_, name in enumerate(("kolla_hosts", "kolla_disks"), 7)]


def settled(size: int, disks: dict[str, list[str]]) -> list[dict[str, Any]]:
    cluster = Answers(osd_dump={"pools": [POOL]}, osd_crush_rule_dump=RULES)
    SETTLE.settle_pools(cluster, {"disks": disks, "size": size})
    return [arguments for prefix, arguments in cluster.told if prefix == "osd pool set"]


def test_copies_become_more_by_themselves_and_fewer_only_when_told() -> None:
    one, three = {"a": ["one", "two"]}, {"a": ["one", "two", "three"]}
    assert settled(0, one) == []
    assert [said["val"] for said in settled(0, three)] == ["3", "2"]
    assert settled(0, {"a": ["one"]})[0] == {"pool": "volumes", "var": "crush_rule", "val": "kolla_disks"}
    assert not [said for said in settled(0, {"a": ["one"]}) if said["var"] == "size"]
    assert settled(1, one)[0] == {"pool": "volumes", "var": "size", "val": "1", "yes_i_really_mean_it": True}


def test_a_monitor_that_is_not_wanted_is_forgotten_unless_it_takes_part() -> None:
    mons = {"monmap": {"mons": [{"name": "one"}, {"name": "two"}]}}
    cluster = Answers(quorum_status={**mons, "quorum_names": ["one"]})
    assert SETTLE.forget(cluster, ["one"]) == ["two"]
    assert ("mon rm", {"name": "two"}) in cluster.told
    with pytest.raises(CLUSTER.Refused, match="stop ceph-mon there"):
        SETTLE.forget(Answers(quorum_status={**mons, "quorum_names": ["one", "two"]}), ["one"])


# --- pools and users --------------------------------------------------------------------------------


def test_a_user_may_use_its_pools_and_nothing_else() -> None:
    user = {"name": "cinder", "key": "k", "pools": ["volumes", "vms"], "reads": ["images"]}
    assert POOLS.keyring(user).splitlines() == [
        "[client.cinder]",
        "key = k",
        'caps mon = "profile rbd"',
        'caps osd = "profile rbd pool=volumes, profile rbd pool=vms, profile rbd-read-only pool=images"',
        'caps mgr = "profile rbd pool=volumes, profile rbd pool=vms"',
    ]


def test_pools_are_made_once() -> None:
    known = {"pool_name": "images", "application_metadata": {"rbd": {}}}
    cluster = Answers(osd_dump={"pools": [known]})
    assert not POOLS.make(cluster, {"pools": ["images"], "users": []})
    assert POOLS.make(cluster, {"pools": ["images", "volumes"], "users": []})
    assert [a["pool"] for prefix, a in cluster.told if prefix == "osd pool create"] == ["volumes"]


# --- disks ------------------------------------------------------------------------------------------


def test_a_disk_is_known_by_cluster_host_and_name() -> None:
    others = [{**OWN, "host": "two"}, {**OWN, "name": "b"}, {**OWN, "fsid": FSID.replace("9", "8")}]
    assert OSD.identity(OWN) == OSD.identity(dict(OWN))
    assert len({OSD.identity(each) for each in [OWN, *others]}) == 4


@pytest.mark.parametrize(
    "text, size", [("1G", 2**30), ("20G", 20 * 2**30), ("2048M", 2**31), ("1TiB", 2**40)]
)
def test_sizes(text: str, size: int) -> None:
    assert OSD.size(text) == size


@pytest.mark.parametrize("text", ["", "20", "0G", "512M", "-1G", "1.5T", "20 G"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(CLUSTER.Refused, match="is no size"):
        OSD.size(text)


def test_a_device_with_anything_on_it_is_refused(tmp_path: Path) -> None:
    device = tmp_path / "sdb"
    device.write_bytes(b"\0" * 2**21)
    OSD.require_empty(device)
    device.write_bytes(b"\0" * 4096 + b"x" + b"\0" * 2**21)
    with pytest.raises(CLUSTER.Refused, match="is not empty"):
        OSD.require_empty(device)


def test_a_disk_whose_data_are_elsewhere_is_not_made_again() -> None:
    refused = CLUSTER.Refused("osd new: entity exists")
    cluster = Answers(osd_new=refused, osd_dump={"osds": [{"osd": 3, "uuid": OSD.identity(OWN)}]})
    with pytest.raises(CLUSTER.Refused, match="kolla ceph-osd-remove"):
        OSD.register(cluster, OSD.identity(OWN), "key")
    with pytest.raises(CLUSTER.Refused, match=r"^osd new: entity exists$"):
        OSD.register(Answers(osd_new=refused, osd_dump={"osds": []}), OSD.identity(OWN), "key")
    assert OSD.register(Answers(osd_new={"osdid": 4}), OSD.identity(OWN), "key") == 4


def test_its_key_is_as_ceph_writes_keys() -> None:
    kind, _, _, length = struct.unpack("<HIIH", base64.b64decode(OSD.new_key())[:12])
    assert (kind, length, len(base64.b64decode(OSD.new_key()))) == (1, 16, 28)


# --- taking one out ---------------------------------------------------------------------------------

GIB = 2**30
BY_HOST, BY_DISK = {0: "host"}, {0: "osd"}


def disk(id_: int, host: str = "one", used: int = 0, *, serves: bool = True) -> Any:
    return REMOVE.Disk(id_, host, used * GIB, 10 * GIB, serves)


def pool(size: int) -> dict[str, Any]:
    return {"pool_name": "volumes", "size": size, "crush_rule": 0}


@pytest.mark.parametrize(
    "known, size, domains, why",
    [
        ([disk(0), disk(1)], 1, BY_DISK, None),
        ([disk(0), disk(1)], 2, BY_DISK, "keeps 2 copies, and 1 disks would be left"),
        ([disk(0), disk(1), disk(2, serves=False)], 2, BY_DISK, "1 disks would be left"),
        ([disk(0), disk(1), disk(2, "two")], 2, BY_HOST, None),
        ([disk(0), disk(1, "two"), disk(2, "two")], 2, BY_HOST, "1 hosts would be left"),
        ([disk(0, used=5), disk(1, used=5)], 1, BY_DISK, "100 % full"),
        ([disk(0)], 1, BY_DISK, "0 disks would be left"),
    ],
)
def test_a_disk_goes_only_when_the_others_can_have_its_data(
    known: list[Any], size: int, domains: dict[int, str], why: str | None
) -> None:
    said = REMOVE.refusal(0, known, [pool(size)], domains)
    assert said is None if why is None else why in said


def test_a_disk_is_named_by_host_and_name_or_number() -> None:
    dump = {"osds": [{"osd": 3, "uuid": OSD.identity(OWN)}]}

    def identity(name: str) -> str:
        return str(OSD.uuid.uuid5(OSD.uuid.UUID(FSID), name))

    assert [REMOVE.named(each, dump, identity) for each in ("one/a", "3", "osd.3")] == [3, 3, 3]
    for wrong in ("one/b", "4", "", "a"):
        with pytest.raises(CLUSTER.Refused, match="has no disk"):
            REMOVE.named(wrong, dump, identity)


def test_what_no_two_copies_share_is_a_step_of_the_rule() -> None:
    steps = [{"op": "take", "item": -1}, {"op": "chooseleaf_firstn", "type": "host"}, {"op": "emit"}]
    assert REMOVE.domains([{"rule_id": 2, "steps": steps}]) == {2: "host"}


# --- monitors, health -------------------------------------------------------------------------------


@pytest.fixture
def monitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(MONITOR, "DATA", tmp_path / "data")
    monkeypatch.setattr(MONITOR, "MAKING", tmp_path / ".making")
    return MONITOR


def test_data_that_were_never_complete_are_none(monitor: Any) -> None:
    assert not monitor.has_data()
    monitor.DATA.mkdir()
    assert monitor.has_data()
    monitor.MAKING.touch()
    assert not monitor.has_data()


@pytest.mark.parametrize(
    "address, written", [("10.0.0.1", "[v2:10.0.0.1:3300]"), ("fd00::1", "[v2:[fd00::1]:3300]")]
)
def test_a_monitor_has_one_address(address: str, written: str) -> None:
    assert MONITOR.own_address({"address": address, "port": 3300}) == written


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Path]:
    """The socket of a monitor that takes part."""
    path = tmp_path / "mon.asok"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                asked = connection.makefile("rb").read1()
                answer = {"state": "leader", "asked": json.loads(asked.rstrip(b"\0"))["prefix"]}
                text = json.dumps(answer).encode()
                connection.sendall(struct.pack(">I", len(text)) + text)

        threading.Thread(target=serve, daemon=True).start()
        yield path


def test_a_daemon_is_asked_on_its_socket(daemon: Path) -> None:
    assert CLUSTER.ask_daemon(daemon, "mon_status") == {"state": "leader", "asked": "mon_status"}


@pytest.mark.parametrize(
    "kind, answer, why",
    [
        ("mon", {"state": "peon"}, None),
        ("mon", {"state": "electing"}, "it is electing"),
        ("osd", {"state": "active"}, None),
        ("osd", {"state": "booting"}, "it is booting"),
        ("osd", [], "it is in no known state"),
    ],
)
def test_who_takes_part_is_healthy(kind: str, answer: Any, why: str | None) -> None:
    assert HEALTH.trouble(kind, answer) == why


def test_a_disk_that_was_removed_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HEALTH, "SOCKETS", tmp_path)
    assert "does not answer" in HEALTH.main("osd")
    (tmp_path / "removed").touch()
    assert HEALTH.main("osd") is None


def test_what_the_cluster_complains_of_is_told_but_for_what_is_muted() -> None:
    checks = {
        "OSD_DOWN": {"summary": {"message": "1 osds down"}, "muted": False},
        "POOL_FULL": {"summary": {"message": "full"}, "muted": True},
    }
    assert CHECK.troubles({"checks": checks}) == ["OSD_DOWN: 1 osds down"]


def test_all_disks_run_one_release_before_it_is_required() -> None:
    reef, quincy = (f"ceph version {n}.2 (abc) {name} (stable)" for n, name in ((18, "reef"), (17, "quincy")))
    assert RELEASE.common({"osd": {reef: 3}}) == "reef"
    with pytest.raises(CLUSTER.Refused, match="quincy, reef"):
        RELEASE.common({"osd": {reef: 2, quincy: 1}})
