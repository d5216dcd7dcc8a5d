"""Servers that leave a compute host, in a cloud that is a model; what is decided about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .scripts import load

moves = load("nova", "moves.py")
hosts = load("nova", "hosts")
GATEWAYS = ["control"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "PAUSE", 0.001)
    monkeypatch.setattr(hosts, "REPORT_LIMIT", 0.05)
    monkeypatch.setattr(hosts, "SILENCE_LIMIT", 0.05)


def server(name: str, status: str = "ACTIVE", host: str = "old", task: str | None = None) -> dict[str, Any]:
    return {
        "id": f"id-{name}",
        "name": name,
        "status": status,
        "OS-EXT-SRV-ATTR:host": host,
        "OS-EXT-STS:task_state": task,
    }


def service(host: str, state: str = "up", status: str = "enabled", forced: bool = False) -> dict[str, Any]:
    return {"id": f"of-{host}", "host": host, "state": state, "status": status, "forced_down": forced}


@dataclass
class Cloud:
    """Hosts with so much memory left, and servers that want 512 MiB each; a request is done a look later."""

    known: list[dict[str, Any]]
    memory: dict[str, int] = field(default_factory=lambda: {"old": 0, "new": 4096})
    found: list[dict[str, Any]] = field(default_factory=lambda: [service("new"), service("old")])
    broken: frozenset[str] = frozenset()
    """Servers that stay where they are, whatever is asked."""
    deleted: frozenset[str] = frozenset()
    """Servers that somebody deletes while they move."""
    slow: frozenset[str] = frozenset()
    """Servers that nova never comes to an end with."""
    unsaid: int = 0
    """For how many looks nova says neither that it does something with a server nor where that is now."""
    cells: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    changes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def services(self) -> list[dict[str, Any]]:
        return self.found

    def change_service(self, service: str, **changes: Any) -> None:
        self.changes.append((service, changes))

    def servers(self, host: str) -> list[dict[str, Any]]:
        return [dict(each) for each in self.known if each["OS-EXT-SRV-ATTR:host"] == host]

    def act(self, id: str, action: str, arguments: dict[str, Any] | None) -> None:
        (it,) = (each for each in self.known if each["id"] == id)
        self.asked.append((it["name"], action))
        it["OS-EXT-STS:task_state"] = None if action == "confirmResize" else "moving"
        it["done"] = action

    def server(self, id: str) -> dict[str, Any]:
        (it,) = (each for each in self.known if each["id"] == id)
        before = dict(it)
        if it["name"] in self.deleted:
            self.known.remove(it)
            raise moves.Gone
        if it["name"] in self.slow:
            return before
        it["OS-EXT-STS:task_state"] = None
        if "done" in it and self.unsaid:
            self.unsaid -= 1
            return dict(it)
        action = it.pop("done", None)
        if it["name"] not in self.broken and action == "confirmResize":
            it["status"] = "SHUTOFF"
        elif it["name"] not in self.broken and action is not None:
            it["OS-EXT-SRV-ATTR:host"] = "new"
            it["status"] = {"migrate": "VERIFY_RESIZE"}.get(action, it["status"])
        return before

    def migrations(self, id: str) -> dict[int, str]:
        moving = any("done" in each for each in self.known if each["id"] == id)
        return {1: "running", 2: "accepted" if moving else "done"} if self.asked else {1: "running"}

    def failure(self, id: str) -> str:
        return f"nova is tired of {id}"

    def providers(self) -> dict[str, str]:
        return {host: f"provider-{host}" for host in self.memory}

    def allocations(self, provider: str) -> dict[str, dict[str, float]]:
        return {each["id"]: {"MEMORY_MB": 512} for each in self.known} | {"a-move": {"MEMORY_MB": 9999}}

    def room(self, provider: str) -> dict[str, float]:
        return {"MEMORY_MB": self.memory[provider.removeprefix("provider-")]}


def names(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(each["name"], each["to"], each["how"]) for each in result["moved"]]


def test_servers_that_run_move_running_and_those_that_are_off_move_off() -> None:
    cloud = Cloud([server("a"), server("b", "SHUTOFF"), server("c", "PAUSED"), server("d", host="new")])
    result = hosts.drain(cloud, "old", GATEWAYS)
    assert names(result) == [
        ("a", "new", moves.LIVE),
        ("b", "new", moves.COLD),
        ("c", "new", moves.LIVE),
    ]
    assert cloud.asked == [
        ("a", "os-migrateLive"),
        ("b", "migrate"),
        ("b", "confirmResize"),
        ("c", "os-migrateLive"),
    ]
    assert [each["status"] for each in cloud.servers("new")] == ["ACTIVE", "SHUTOFF", "PAUSED", "ACTIVE"]
    assert cloud.changes == [("of-old", {"status": "disabled", "disabled_reason": "drained by kolla drain"})]
    assert result["changed"]
    assert result["message"] == (
        "3 servers left old, 2 of them while running, and it takes no new ones until: kolla undrain old"
    )


def test_a_host_that_is_empty_and_closed_already_is_as_it_was() -> None:
    cloud = Cloud([], found=[service("old", status="disabled")])
    result = hosts.drain(cloud, "old", GATEWAYS)
    assert (result["changed"], result["moved"], cloud.changes) == (False, [], [])


def test_nothing_is_changed_when_there_is_no_room() -> None:
    cloud = Cloud([server("a"), server("a")], memory={"old": 0, "new": 600})
    cloud.known[1]["id"] = "id-other"
    with pytest.raises(moves.Refused, match="no room for a of old on new; nothing was changed"):
        hosts.drain(cloud, "old", GATEWAYS)
    assert cloud.asked == cloud.changes == []


@pytest.mark.parametrize("other", [service("new", state="down"), service("new", status="disabled")])
def test_nothing_is_changed_when_no_other_host_takes_servers(other: dict[str, Any]) -> None:
    cloud = Cloud([server("a")], found=[service("old"), other])
    with pytest.raises(moves.Refused, match="nowhere to go"):
        hosts.drain(cloud, "old", GATEWAYS)
    assert cloud.asked == cloud.changes == []


def test_no_server_goes_to_a_host_of_another_cell() -> None:
    cells = {"new": "cell2"}
    cloud = Cloud([server("a")], cells=cells)
    with pytest.raises(moves.Refused, match="no other compute host of cell1 is up and enabled"):
        hosts.drain(cloud, "old", GATEWAYS)
    assert cloud.asked == cloud.changes == []
    assert moves.others([*cloud.found, service("near")], "old", cells) == ["near"]


def test_who_cannot_move_is_named_with_the_reason_and_the_others_go() -> None:
    cloud = Cloud(
        [server("a"), server("b", "SUSPENDED"), server("c", task="rebooting"), server("d"), server("e")],
        broken=frozenset("d"),
    )
    with pytest.raises(moves.Refused) as caught:
        hosts.drain(cloud, "old", GATEWAYS)
    said = str(caught.value)
    assert said.startswith("2 servers left old, which takes no new ones; 3 stay: ")
    assert "b: resume it first" in said
    assert "c: it is busy (rebooting)" in said
    assert "d: nova is tired of id-d" in said
    assert [each["name"] for each in cloud.servers("new")] == ["a", "e"]


def test_a_server_that_is_deleted_while_it_moves_is_no_failure() -> None:
    cloud = Cloud([server("a"), server("b")], deleted=frozenset("a"))
    assert names(hosts.drain(cloud, "old", GATEWAYS)) == [("b", "new", moves.LIVE)]


def test_a_server_that_does_not_arrive_in_time_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "LIMIT", 0.05)
    with pytest.raises(moves.Refused, match=r"0 servers left old.*a: nova has not done it in"):
        hosts.drain(Cloud([server("a")], slow=frozenset("a")), "old", GATEWAYS)


def test_a_host_that_is_off_is_not_drained_and_one_that_is_on_not_evacuated() -> None:
    with pytest.raises(moves.Refused, match="kolla evacuate old"):
        hosts.drain(Cloud([], found=[service("old", state="down")]), "old", GATEWAYS)
    with pytest.raises(moves.Refused, match="kolla drain old"):
        hosts.evacuate(Cloud([]), "old", GATEWAYS)
    with pytest.raises(moves.Refused, match="no compute service on old"):
        hosts.drain(Cloud([], found=[]), "old", GATEWAYS)


def test_a_server_is_where_it_is_when_its_move_is_over() -> None:
    cloud = Cloud([server("a")], found=[service("new"), service("old", state="down")], unsaid=3)
    assert names(hosts.evacuate(cloud, "old", GATEWAYS)) == [("a", "new", moves.REBUILD)]


def test_nova_is_given_time_to_see_that_a_host_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "SILENCE_LIMIT", 60)
    looks = [[service("new"), service("old")]] * 3
    cloud = Cloud([server("a")], found=[service("new"), service("old", state="down")])
    monkeypatch.setattr(cloud, "services", lambda: looks.pop() if looks else cloud.found)
    assert names(hosts.evacuate(cloud, "old", GATEWAYS)) == [("a", "new", moves.REBUILD)]


def test_servers_of_a_host_that_is_off_are_made_again_elsewhere() -> None:
    cloud = Cloud(
        [server("a"), server("b", "SHUTOFF"), server("c", "ERROR"), server("d", "PAUSED")],
        found=[service("new"), service("old", state="down")],
    )
    with pytest.raises(moves.Refused, match=r"3 servers left.*1 stay: d: it is PAUSED; openstack server set"):
        hosts.evacuate(cloud, "old", GATEWAYS)
    assert {action for _, action in cloud.asked} == {"evacuate"}
    assert cloud.changes[-1] == ("of-old", {"forced_down": True})
    cloud.known = [server("a")]
    assert names(hosts.evacuate(cloud, "old", GATEWAYS)) == [("a", "new", moves.REBUILD)]


def test_a_host_takes_servers_again() -> None:
    shut = service("old", status="disabled", forced=True)
    cloud = Cloud([], found=[shut])
    result = hosts.undrain(cloud, "old", GATEWAYS)
    assert cloud.changes == [("of-old", {"forced_down": False}), ("of-old", {"status": "enabled"})]
    assert (result["changed"], result["message"]) == (True, "old takes servers")
    down = hosts.undrain(Cloud([], found=[service("old", state="down")]), "old", GATEWAYS)
    assert (down["changed"], down["message"]) == (False, "old takes servers once its nova-compute reports")


KNOWN = {"rack1-a": "a", "rack1-b": "b"}


@pytest.mark.parametrize(("word", "found"), [("rack1-a", "a"), ("b", "b")])
def test_a_host_by_either_name(word: str, found: str) -> None:
    assert moves.host_named(word, KNOWN) == found


@pytest.mark.parametrize(("word", "hint"), [("rack1-z", "did you mean"), ("?", "there are: a, b, rack1-a")])
def test_a_host_that_is_none(word: str, hint: str) -> None:
    with pytest.raises(moves.Refused, match=f"there is no compute host .*{hint}" if word != "?" else hint):
        moves.host_named(word, KNOWN)


def test_what_becomes_of_gateways() -> None:
    assert moves.gateways_left("a", ["b"]) == ""
    assert "only network host" in moves.gateways_left("a", ["a"])
    assert "go to another network host" in moves.gateways_left("a", ["a", "b"])


amounts = st.dictionaries(st.sampled_from(["VCPU", "MEMORY_MB", "DISK_GB"]), st.integers(0, 8), max_size=3)


def everything(of: dict[str, dict[str, int]]) -> Iterator[tuple[str, int]]:
    for each in of.values():
        yield from each.items()


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=3), amounts, max_size=6),
    st.dictionaries(st.text("xyz", min_size=1, max_size=2), amounts, max_size=4),
)
def test_what_is_said_to_fit_is_no_more_than_there_is_and_what_fits_alone_is_never_refused_alone(
    wanted: dict[str, dict[str, int]], room: dict[str, dict[str, int]]
) -> None:
    before = {host: dict(has) for host, has in room.items()}
    missing = moves.without_room(wanted, room)
    assert room == before
    fitting = {name: wants for name, wants in wanted.items() if name not in missing}
    for kind in ("VCPU", "MEMORY_MB", "DISK_GB"):
        assert sum(n for k, n in everything(fitting) if k == kind) <= sum(
            n for k, n in everything(room) if k == kind
        )
    for name, wants in wanted.items():
        alone = any(all(has.get(kind, 0) >= n for kind, n in wants.items()) for has in room.values())
        assert moves.without_room({name: wants}, room) == ([] if alone else [name])
    roomy = {"one": dict.fromkeys(("VCPU", "MEMORY_MB", "DISK_GB"), 1000)}
    assert moves.without_room(wanted, roomy) == []


def test_room_is_counted_as_placement_does() -> None:
    inventories = {"MEMORY_MB": {"total": 1000, "reserved": 200, "allocation_ratio": 1.5}}
    assert moves.free(inventories, {"MEMORY_MB": 100, "VCPU": 3}) == {"MEMORY_MB": 1100}


def test_why_a_move_failed_is_what_nova_tells_best() -> None:
    good = {"event": "conductor_migrate_server", "result": "Success", "details": None}
    mute = {"event": "compute_live_migration", "result": "Error", "details": None}
    told = {"event": "compute_pre_live_migration", "result": "Error", "details": "No route\nto host"}
    fault = {"message": "Timed out waiting for a reply", "code": 500}
    assert moves.reason(fault, [good, mute, told]) == "No route to host"
    assert moves.reason(fault, [good, mute]) == "Timed out waiting for a reply"
    assert moves.reason(None, [good, mute]).startswith("nova failed in compute_live_migration and does not")
    assert moves.reason(None, [good]).startswith("nova failed and does not say why; kolla logs nova-compute")


@dataclass
class Leaving(Cloud):
    """A cloud in which hosts are forgotten; placement keeps what servers that were evacuated still have."""

    others: list[dict[str, Any]] = field(default_factory=list)
    """Services that are no compute services."""
    left: dict[str, list[str]] = field(default_factory=dict)
    """Provider -> who has something of it."""
    forgotten: list[str] = field(default_factory=list)

    def all_services(self) -> list[dict[str, Any]]:
        return [*({**each, "binary": "nova-compute"} for each in self.found), *self.others]

    def forget_service(self, service: str) -> None:
        self.forgotten.append(service)
        self.found = [each for each in self.found if each["id"] != service]
        self.memory.pop(service.removeprefix("of-"), None)

    def providers_called(self, name: str) -> list[str]:
        return [provider for provider in self.left if provider == f"provider-{name}"]

    def allocations_left(self, provider: str) -> list[str]:
        return list(self.left.get(provider, ()))

    def release(self, consumer: str, provider: str) -> None:
        self.left[provider].remove(consumer)

    def forget_provider(self, provider: str) -> None:
        assert not self.left.get(provider)
        self.left.pop(provider, None)
        self.forgotten.append(provider)


def test_a_host_with_servers_is_occupied_and_not_forgotten() -> None:
    cloud = Leaving([server("a"), server("b"), server("c", host="new")])
    for refused in (hosts.occupied, hosts.forget):
        with pytest.raises(moves.Refused, match=r"^it has 2 servers: a, b$"):
            refused(cloud, "old")
    assert not cloud.forgotten
    assert hosts.occupied(Leaving([server("c", host="new")]), "old")["message"] == "old has no servers"


def test_a_host_is_forgotten_with_what_evacuated_servers_have_of_it() -> None:
    scheduler = {"id": "s", "host": "old", "binary": "nova-scheduler"}
    cloud = Leaving([], others=[scheduler], left={"provider-old": ["a", "b"], "provider-new": ["a"]})
    done = hosts.forget(cloud, "old")
    assert done["changed"]
    assert done["message"] == "nova knew of old: nova-compute, nova-scheduler"
    assert cloud.forgotten == ["of-old", "s", "provider-old"]
    assert cloud.left == {"provider-new": ["a"]}


def test_what_an_earlier_try_left_is_forgotten_too_and_then_nothing() -> None:
    cloud = Leaving([], found=[service("new")], memory={"new": 0}, left={"provider-old": []})
    assert hosts.forget(cloud, "old")["changed"]
    assert cloud.forgotten == ["provider-old"]
    again = hosts.forget(cloud, "old")
    assert (again["changed"], again["message"]) == (False, "nova knew of old: nothing")


def test_what_a_consumer_has_of_others_stays() -> None:
    has = {
        "allocations": {
            "old": {"resources": {"VCPU": 1}, "generation": 3},
            "new": {"resources": {"VCPU": 1}, "generation": 9},
        },
        "project_id": "p",
        "user_id": "u",
        "consumer_generation": 2,
    }
    told = moves.kept(has, "old")
    assert told["allocations"] == {"new": {"resources": {"VCPU": 1}}}
    assert {word: told[word] for word in told if word != "allocations"} == {
        "project_id": "p",
        "user_id": "u",
        "consumer_generation": 2,
    }
