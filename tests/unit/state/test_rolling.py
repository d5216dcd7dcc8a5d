"""What serves behind the proxy changes host by host: out of the proxy before, in again after."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World

from kolla.state.explain import text
from kolla.state.plan import MemberOperation, Plan
from kolla.state.power import power_plan
from kolla.state.reconcile import fingerprint, reconcile
from kolla.state.rolling import rolling

NOTES = "[DEFAULT]\ngreeting = Good morning\n"


@pytest.fixture
def two(tmp_path: Path) -> World:
    """Two hosts that serve, with the proxy on both, everything deployed."""
    return deployed(tmp_path, "one", "two")


def deployed(directory: Path, *hosts: str) -> World:
    directory.mkdir(exist_ok=True)
    world = World(directory, hosts)
    world.groups = {"control": hosts, "mariadb": hosts[:1], "rabbitmq": hosts[:1]}
    world.carry_out(reconcile(world.desired, world.states))
    return world


def plan(world: World, *hosts: str) -> Plan:
    states = {host: world.states[host] for host in hosts or world.hosts}
    return rolling(reconcile(world.desired, states), world.desired, states)


def members(made: Plan) -> list[str]:
    return [operation.id for operation in made.operations if isinstance(operation, MemberOperation)]


def left_out(world: World, host: str, *members: tuple[str, str]) -> None:
    world.states[host] = world.states[host].model_copy(update={"drained": members})


def waits_for(made: Plan, id_: str) -> set[str]:
    """Everything before an operation."""
    after = {operation.id: operation.after for operation in made.operations}
    found: set[str] = set()
    waiting = [id_]
    while waiting:
        for each in after.get(waiting.pop(), ()):
            if each not in found:
                found.add(each)
                waiting.append(each)
    return found


PLAN = """\
Plan for cloud 'kolla': 10 operations on 2 hosts

one
  < drain notes/one                              it is taken down
  ~ restart container notes
      notes.conf: [DEFAULT] greeting unset -> Good morning, set by config/notes/notes.conf
      impact: endpoint notes is served by other hosts meanwhile
  > admit notes/one                              it is there again
  < drain notes/two                              it is taken down
  > admit notes/two                              it is there again

two
  < drain notes/one                              it is taken down
  > admit notes/one                              it is there again
  < drain notes/two                              it is taken down
  ~ restart container notes
      notes.conf: [DEFAULT] greeting unset -> Good morning, set by config/notes/notes.conf
      impact: endpoint notes is served by other hosts meanwhile
  > admit notes/two                              it is there again
"""


def test_one_host_after_the_other_is_out_while_it_changes(two: World) -> None:
    two.override("notes/notes.conf", NOTES)
    made = plan(two)
    assert text(made).startswith(PLAN)
    first = {f"{verb}:notes/one@{host}" for verb in ("drain", "admit") for host in two.hosts}
    assert waits_for(made, "drain:notes/two@one") == {*first, "container:notes@one"}
    (drain,) = (o for o in made.operations if o.id == "drain:notes/two@one")
    assert isinstance(drain, MemberOperation)
    assert drain.command == ("kolla_haproxy_members", "drain", "20", "two", "notes")


def test_a_restart_on_demand_is_one_as_well(two: World) -> None:
    made = rolling(power_plan(two.desired, two.states, "restart", {"notes"}), two.desired, two.states)
    assert "drain:notes/one@two" in waits_for(made, "start:notes@one")
    assert "admit:notes/one@two" in waits_for(made, "drain:notes/two@one")


def test_what_stops_for_good_is_not_put_back(two: World) -> None:
    made = rolling(power_plan(two.desired, two.states, "stop", {"notes"}), two.desired, two.states)
    assert members(made) == []


def test_who_serves_alone_cannot_be_replaced_by_others(tmp_path: Path, two: World) -> None:
    two.override("notes/notes.conf", NOTES)
    stopped = two.states["two"].containers["notes"].model_copy(update={"state": "exited"})
    containers = {**two.states["two"].containers, "notes": stopped}
    two.states["two"] = two.states["two"].model_copy(update={"containers": containers})
    assert not [id_ for id_ in members(plan(two)) if id_.startswith("drain:notes/one")]
    alone = deployed(tmp_path / "alone", "one")
    alone.override("notes/notes.conf", NOTES)
    assert members(plan(alone)) == []


def test_hosts_that_are_left_out_are_not_asked_for_anything(two: World) -> None:
    two.override("notes/notes.conf", NOTES)
    assert members(plan(two, "one")) == ["drain:notes/one@one", "admit:notes/one@one"]


def test_proxies_that_change_do_so_first_as_they_begin_with_all_members(two: World) -> None:
    two.image_ids |= {"haproxy": "sha256:newer", "notes": "sha256:newer"}
    made = plan(two)
    assert {"container:haproxy@one", "container:haproxy@two"} <= waits_for(made, "drain:notes/one@one")


def test_who_was_left_out_is_put_back(two: World) -> None:
    left_out(two, "two", ("notes", "one"))
    made = plan(two)
    assert [(o.id, o.causes) for o in made.operations] == [
        ("admit:notes/one@two", ("it was left out by a change that did not come to its end",))
    ]
    left_out(two, "two", ("notes", "gone"), ("gone", "one"))
    assert plan(two).operations == ()


def test_who_was_left_out_and_changes_again_is_put_back_once_it_has(two: World) -> None:
    left_out(two, "two", ("notes", "one"))
    two.override("notes/notes.conf", NOTES)
    made = plan(two)
    assert members(made).count("admit:notes/one@two") == 1
    assert "container:notes@one" in waits_for(made, "admit:notes/one@two")


def test_others_go_once_who_was_left_out_is_back(two: World) -> None:
    left_out(two, "two", ("notes", "one"))
    two.override("notes/two/notes.conf", NOTES)
    made = plan(two)
    assert members(made)[0] == "admit:notes/one@two"
    assert "admit:notes/one@two" in waits_for(made, "drain:notes/two@one")


def test_others_go_once_who_is_put_back_is_ready(two: World) -> None:
    left_out(two, "two", ("notes", "one"))
    state = two.states["one"]
    starting = state.containers["notes"].model_copy(update={"ready": False})
    two.states["one"] = state.model_copy(update={"containers": {**state.containers, "notes": starting}})
    two.override("notes/two/notes.conf", NOTES)
    made = plan(two)
    assert "container:notes@one" in waits_for(made, "admit:notes/one@two")
    assert "admit:notes/one@two" in waits_for(made, "drain:notes/two@one")


def test_a_plan_holds_only_while_the_same_are_left_out(two: World) -> None:
    before = fingerprint(two.states)
    left_out(two, "two", ("notes", "one"))
    assert fingerprint(two.states) != before


CHANGES = ("haproxy", "keepalived", "keystone", "mariadb", "memcached", "notes", "rabbitmq", "toolbox")


OUT = [("notes", "one"), ("keystone", "two"), ("notes", "two")]


@given(
    out=st.sets(st.sampled_from(OUT)),
    changed=st.sets(st.sampled_from(CHANGES)),
    limit=st.sets(st.sampled_from(["one", "two"]), min_size=1),
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_changes_nobody_waits_for_itself(
    two: World, out: set[tuple[str, str]], changed: set[str], limit: set[str]
) -> None:
    two.image_ids = {name: "sha256:newer" for name in changed}
    left_out(two, "one", *out)
    made = plan(two, *sorted(limit))
    for operation in made.operations:
        assert operation.id not in waits_for(made, operation.id)
        if isinstance(operation, MemberOperation) and operation.action == "drain":
            (changing,) = (o for o in made.operations if operation.id in o.after)
            assert changing.id.endswith(f"@{operation.command[3]}")
