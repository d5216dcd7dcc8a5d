from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.ansible.plans import any_plan, job, plan, volume

from kolla.ansible.conversations import Applying, Asking, Conversations
from kolla.ansible.outcome import BrokenHost, BrokenHostsError
from kolla.errors import KollaError, LockedError
from kolla.events import Event
from kolla.state.plan import Plan, SoakOperation

Answer = dict[str, Any]
Host = Callable[[str, str, Mapping[str, Any]], Answer]
"""(host, verb, request) -> answer; ConnectionError when it cannot be reached."""


def carry(conversations: Conversations, host_code: Host) -> None:
    """What Ansible and the plugins do: steps one after the other, every host until it is asked no more."""
    for step, hosts in enumerate(conversations.hosts_of_steps):
        for host in sorted(hosts):
            answer = None
            try:
                while demand := conversations.next(host, step, answer):
                    answer = host_code(host, *demand)
            except ConnectionError as error:
                conversations.broke(BrokenHost(host, "192.0.2.1", True, str(error)))


class Hosts:
    """Hosts that do what they are told; operations in `failing` fail, hosts in `lost` break in `follow`."""

    def __init__(self, failing: frozenset[str] = frozenset(), lost: frozenset[str] = frozenset()) -> None:
        self.failing = failing
        self.lost = lost
        self.asked: list[tuple[str, str, Mapping[str, Any]]] = []
        self.done: list[str] = []

    def __call__(self, host: str, verb: str, request: Mapping[str, Any]) -> Answer:
        self.asked.append((host, verb, request))
        if verb == "apply":
            self.given = request["operations"]
            return {"run": request["run"], "offset": 7}
        if verb == "follow":
            if host in self.lost:
                raise ConnectionError("no route to host")
            return self._follow(request)
        return {}

    def _follow(self, request: Mapping[str, Any]) -> Answer:
        if request["offset"] == 7:
            return {"events": [], "offset": 8, "finished": False}
        events, bad = [], set()
        for operation in self.given:
            if operation["id"] in self.failing:
                status = "failed"
            elif bad.intersection(operation["after"]):
                status = "blocked"
            else:
                status = "done"
                self.done.append(operation["id"])
            if status != "done":
                bad.add(operation["id"])
            events.append({"time": 1.0, "operation": operation["id"], "status": status, "seconds": 0.5})
        return {"events": events, "offset": 9, "finished": True}


def verbs(hosts: Hosts, name: str) -> list[str]:
    return [verb for host, verb, _ in hosts.asked if host == name]


@given(any_plan(), st.randoms(use_true_random=False))
def test_nothing_is_done_before_what_it_waits_for_whatever_fails(plan: Plan, random: Any) -> None:
    ids = [operation.id for operation in plan.operations]
    failing = frozenset(random.sample(ids, k=min(len(ids), 2)))
    hosts = Hosts(failing)
    applying = Applying(plan, {}, {}, 0)
    carry(applying, hosts)
    applying.check()
    done = set(hosts.done)
    for operation in plan.operations:
        if operation.id in done:
            assert all(dependency in done for dependency in operation.after if dependency in ids)
    assert {o for o, r in applying.outcome.operations.items() if r.status == "done"} == done
    assert sorted(applying.outcome.operations) == sorted(ids)
    for name in {operation.host for operation in plan.operations}:
        assert verbs(hosts, name)[-1] == "release"


def test_a_plan_without_failures_is_done_and_only_what_is_in_it() -> None:
    a, b = volume("a", "one"), volume("b", "two", ["volume:a@one"])
    hosts = Hosts()
    applying = Applying(plan(a, b), {}, {"pid": 1}, 30)
    carry(applying, hosts)
    assert hosts.done == [a.id, b.id]
    assert not applying.outcome.failures()
    assert verbs(hosts, "one") == ["apply", "follow", "follow", "release"]
    # Locked in the first step, though its operation is in the second.
    assert verbs(hosts, "two") == ["apply", "follow", "follow", "apply", "follow", "follow", "release"]
    first = next(request for host, verb, request in hosts.asked if verb == "apply" and host == "two")
    assert first["operations"] == [] and first["owner"] == {"pid": 1}


def test_a_failure_stops_later_steps_but_not_the_hosts_of_the_same_step() -> None:
    a, b = volume("a", "one"), volume("b", "two")
    c = volume("c", "two", [a.id])
    hosts = Hosts(failing=frozenset({a.id}))
    applying = Applying(plan(a, b, c), {}, {}, 0)
    carry(applying, hosts)
    assert hosts.done == [b.id]
    assert [(f["operation"], f["status"]) for f in applying.outcome.failures()] == [
        (a.id, "failed"),
        (c.id, "blocked"),
    ]


def test_after_a_failure_a_host_that_has_not_begun_does_not_where_that_was_asked_for() -> None:
    a, b, c = volume("a", "one"), volume("b", "two"), volume("c", "two", ["volume:a@one"])
    hosts = Hosts(failing=frozenset({a.id}))
    stopping = plan(a, b, c).model_copy(update={"stop_at_failure": True})
    applying = Applying(stopping, {}, {}, 0)
    carry(applying, hosts)  # one host after the other, as with a single fork
    applying.check()
    assert hosts.done == []
    assert verbs(hosts, "two") == []
    assert [(f["operation"], f["status"]) for f in applying.outcome.failures()] == [
        (a.id, "failed"),
        (b.id, "blocked"),
        (c.id, "blocked"),
    ]


def rollout(count: int, max_fail: int, *, stop: bool = False) -> Plan:
    """The same on so many hosts, one after the other, then what waits for all of them on the first."""
    turns = [volume("a", "h1")]
    for number in range(2, count + 1):
        before = turns[-1].id
        turn = volume("a", f"h{number}", [before]).model_copy(update={"bears": (before,)})
        turns.append(turn)
    last = volume("last", "h1", [turn.id for turn in turns])
    return plan(*turns, last).model_copy(update={"max_fail": max_fail, "stop_at_failure": stop})


@pytest.mark.parametrize("stop", [False, True])
@pytest.mark.parametrize(
    ("max_fail", "done"), [(0, ["h1"]), (1, ["h1", "h3"]), (2, ["h1", "h3", "h5"]), (9, ["h1", "h3", "h5"])]
)
def test_a_rollout_goes_on_until_it_failed_on_too_many_hosts(
    max_fail: int, done: list[str], stop: bool
) -> None:
    hosts = Hosts(failing=frozenset({"volume:a@h2", "volume:a@h4"}))
    applying = Applying(rollout(5, max_fail, stop=stop), {}, {}, 0)
    carry(applying, hosts)
    applying.check()
    assert hosts.done == [f"volume:a@{host}" for host in done]
    assert applying.outcome.operations["volume:last@h1"].status == "blocked"
    assert all(verbs(hosts, f"h{number}")[-1] == "release" for number in range(1, 6))


def test_a_host_lost_in_a_rollout_counts_and_is_told_at_the_end() -> None:
    hosts = Hosts(lost=frozenset({"h2"}))

    def locked_first(host: str, verb: str, request: Mapping[str, Any]) -> Answer:
        if verb == "apply" and not request["operations"]:
            return {"run": request["run"], "offset": 9, "finished": True}
        return hosts(host, verb, request)

    applying = Applying(rollout(3, 1), {}, {}, 0)
    carry(applying, locked_first)
    assert hosts.done == ["volume:a@h1", "volume:a@h3"]
    with pytest.raises(BrokenHostsError, match="host h2"):
        applying.check()


@given(any_plan(), st.integers(0, 4), st.booleans(), st.randoms(use_true_random=False))
def test_only_what_bears_it_is_done_after_a_failure(
    plan: Plan, max_fail: int, stop: bool, random: Any
) -> None:
    bearing = [
        operation.model_copy(
            update={"bears": tuple(id_ for id_ in operation.after if not id_.endswith(f"@{operation.host}"))}
        )
        if random.random() < 0.5
        else operation
        for operation in plan.operations
    ]
    update = {"operations": tuple(bearing), "max_fail": max_fail, "stop_at_failure": stop}
    plan = plan.model_copy(update=update)
    ids = [operation.id for operation in plan.operations]
    hosts = Hosts(frozenset(random.sample(ids, k=min(len(ids), 3))))
    applying = Applying(plan, {}, {}, 0)
    carry(applying, hosts)
    done = set(hosts.done)
    for operation in plan.operations:
        if operation.id in done:
            assert all(id_ in done for id_ in operation.after if id_ in ids and id_ not in operation.bears)


@pytest.mark.parametrize("stop", [False, True])
def test_a_host_is_told_whether_to_stop_at_a_failure(stop: bool) -> None:
    hosts = Hosts()
    made = plan(volume("a", "one")).model_copy(update={"stop_at_failure": stop})
    carry(Applying(made, {}, {}, 0), hosts)
    assert [r["stop_at_failure"] for _, verb, r in hosts.asked if verb == "apply"] == [stop]


def test_a_host_is_sent_only_the_files_it_writes() -> None:
    a, b = job("a", "one", {"x": "11"}), job("b", "two", {"y": "22"})
    hosts = Hosts()
    carry(Applying(plan(a, b), {"11": b"\xffone", "22": b"two", "33": b"three"}, {}, 0), hosts)
    bundles = {host: request["bundle"] for host, verb, request in hosts.asked if verb == "apply"}
    assert bundles == {
        "one": {"11": base64.b64encode(b"\xffone").decode()},
        "two": {"22": base64.b64encode(b"two").decode()},
    }


@pytest.mark.parametrize(("failing", "result"), [((), "done"), (("volume:b@two",), "failed")])
def test_each_host_keeps_what_is_done_from_its_beginning_to_its_end(
    failing: tuple[str, ...], result: str
) -> None:
    hosts = Hosts(frozenset(failing))
    made = plan(volume("a", "one"), volume("b", "two", ["volume:a@one"]))
    carry(Applying(made, {}, {}, 0, lambda host, known: {"revision": {"on": host, "result": known}}), hosts)
    for name in ("one", "two"):
        notes = [request["note"] for host, _, request in hosts.asked if host == name and "note" in request]
        assert [note["revision"]["result"] for note in notes] == ["in progress", result]
        assert {note["revision"]["on"] for note in notes} == {name}


def test_hosts_are_told_how_long_they_may_hear_nothing() -> None:
    soak = SoakOperation(
        id="soak:x@one", host="one", service="host", causes=("x",), seconds=3600, containers=()
    )
    for operations, silence in (((volume("a", "two"), soak), 3600), ((volume("a", "two"),), 0)):
        hosts = Hosts()
        carry(Applying(plan(*operations), {}, {}, 0), hosts)
        assert {r["silence"] for _, verb, r in hosts.asked if verb == "apply"} == {silence}


def test_a_file_missing_from_the_bundle_is_refused_before_any_host_is_asked() -> None:
    with pytest.raises(KollaError, match="not there any more: 11"):
        Applying(plan(job("a", "one", {"x": "11"})), {}, {}, 0)


LOCKED: Answer = {
    "error": "locked",
    "message": "changed by eve@desk, process 42: kolla deploy",
    "lease": {"run": "hers", "owner": {"user": "eve", "host": "desk", "pid": 42, "command": "kolla deploy"}},
}


def refusing_once(hosts: Hosts) -> Host:
    """Hosts that are locked when they are asked first."""
    refused: set[str] = set()

    def ask(host: str, verb: str, request: Mapping[str, Any]) -> Answer:
        if host in refused:
            return hosts(host, verb, request)
        refused.add(host)
        hosts.asked.append((host, verb, request))
        return LOCKED

    return ask


def test_whoever_is_waited_for_is_named_before_the_waiting() -> None:
    events: list[Event] = []
    a = volume("a", "one")
    hosts = Hosts()
    applying = Applying(plan(a), {}, {}, 30, on_event=events.append)
    carry(applying, refusing_once(hosts))
    applying.check()
    first, second = (request for _, verb, request in hosts.asked if verb == "apply")
    assert "lock_timeout" not in first and second["lock_timeout"] == 30
    assert "gone" not in second
    assert [(e.subject, e.host, e.status, e.message) for e in events[:2]] == [
        ("lock", "one", "started", "waiting up to 30 s: changed by eve@desk, process 42: kolla deploy"),
        ("lock", "one", "done", ""),
    ]
    assert hosts.done == [a.id]


def test_the_lease_of_a_deployer_of_this_machine_that_has_ended_is_not_waited_for() -> None:
    asked_about: list[Mapping[str, Any]] = []

    def has_ended(owner: Mapping[str, Any]) -> bool:
        asked_about.append(owner)
        return True

    hosts = Hosts()
    applying = Applying(plan(volume("a", "one")), {}, {}, 0, has_ended=has_ended)
    carry(applying, refusing_once(hosts))
    applying.check()
    assert asked_about == [LOCKED["lease"]["owner"]]
    assert [request.get("gone") for _, verb, request in hosts.asked if verb == "apply"] == [None, "hers"]


def test_a_single_request_waits_and_takes_over_likewise() -> None:
    hosts = Hosts()
    asking = Asking("stop", {"one": {"containers": None}}, has_ended=lambda owner: True)
    carry(asking, refusing_once(hosts))
    asking.check()
    again = {"containers": None, "lock_timeout": 60, "gone": "hers"}
    assert hosts.asked == [("one", "stop", {"containers": None}), ("one", "stop", again)]


def test_a_refusal_keeps_what_to_do_next() -> None:
    asking = Asking("stop", {"one": {}})
    answer = {"error": "engine", "message": "no engine answers", "hint": "run: kolla bootstrap-servers"}
    carry(asking, lambda host, *_: answer)
    with pytest.raises(KollaError, match="hint: run: kolla bootstrap-servers"):
        asking.check()


def test_a_locked_host_names_its_holder_and_nothing_further_begins() -> None:
    a, b = volume("a", "one"), volume("b", "two", ["volume:a@one"])
    hosts = Hosts()

    def held(host: str, verb: str, request: Mapping[str, Any]) -> Answer:
        if host == "two" and verb == "apply":
            return LOCKED
        return hosts(host, verb, request)

    applying = Applying(plan(a, b), {}, {}, 0)
    carry(applying, held)
    with pytest.raises(LockedError, match="host two: changed by eve@desk, process 42: kolla deploy"):
        applying.check()
    assert hosts.done == [a.id]
    assert verbs(hosts, "one")[-1] == "release"
    assert verbs(hosts, "two") == []


def test_a_lost_host_fails_what_it_was_given_and_is_not_asked_again() -> None:
    events: list[Event] = []
    a, b = volume("a", "one"), volume("b", "two", ["volume:a@one"])
    hosts = Hosts(lost=frozenset({"one"}))
    applying = Applying(plan(a, b), {}, {}, 0, on_event=events.append, phase="deploy")
    carry(applying, hosts)
    with pytest.raises(BrokenHostsError, match=r"host one \(192.0.2.1\) cannot be reached: no route"):
        applying.check()
    assert [(e.subject, e.status, e.message) for e in events] == [
        (a.id, "failed", "the host did not tell how it ended")
    ]
    assert verbs(hosts, "one") == ["apply", "follow"]
    assert verbs(hosts, "two")[-1] == "release"
    assert applying.outcome.operations[b.id].status == "blocked"


def test_a_worker_that_died_fails_what_it_had_not_finished() -> None:
    a, b = volume("a", "one"), volume("b", "one")

    def dying(host: str, verb: str, request: Mapping[str, Any]) -> Answer:
        if verb == "apply":
            return {"run": request["run"], "offset": 0}
        events = [
            {"operation": a.id, "status": "done"},
            {"operation": "", "status": "died", "message": "out of memory"},
        ]
        return {"events": events, "offset": 1, "finished": True}

    applying = Applying(plan(a, b), {}, {}, 0)
    carry(applying, dying)
    applying.check()
    assert [(f["operation"], f["message"]) for f in applying.outcome.failures()] == [(b.id, "out of memory")]


def test_an_interrupt_finishes_the_step_begins_no_other_and_gives_leases_back() -> None:
    a, b = volume("a", "one"), volume("b", "two", ["volume:a@one"])
    hosts = Hosts()
    applying = Applying(plan(a, b), {}, {}, 0)

    def pressing(host: str, verb: str, request: Mapping[str, Any]) -> Answer:
        if host == "two" and verb == "follow":
            assert applying.interrupt()
        return hosts(host, verb, request)

    carry(applying, pressing)
    with pytest.raises(KeyboardInterrupt):
        applying.check()
    assert hosts.done == [a.id]
    assert verbs(hosts, "one")[-1] == verbs(hosts, "two")[-1] == "release"


def test_asking_gives_answers_and_raises_refusals_after_all_were_asked() -> None:
    asking = Asking("observe", {"one": {"a": 1}, "two": {"a": 2}})
    carry(asking, lambda host, verb, request: {"said": [host, verb, request]})
    asking.check()
    assert asking.answers == {
        "one": {"said": ["one", "observe", {"a": 1}]},
        "two": {"said": ["two", "observe", {"a": 2}]},
    }
    refused = Asking("stop", {"one": {}, "two": {}})
    carry(
        refused,
        lambda host, *_: {"error": "engine", "message": "no engine answers"} if host == "one" else {},
    )
    with pytest.raises(KollaError, match="host one refused: no engine answers"):
        refused.check()
    assert refused.answers == {"two": {}}
