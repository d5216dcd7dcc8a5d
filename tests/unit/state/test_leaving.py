"""What may be done about a host that comes or goes, and what has to be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from world import World

from kolla.errors import InputError
from kolla.state import leaving
from kolla.state.derive import desire
from kolla.state.desired import Desired
from kolla.state.host_state import HostState
from kolla.state.plan import Plan
from kolla.state.reconcile import reconcile

THREE = ("one", "two", "three")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Three controllers, deployed."""
    world = World(tmp_path, hosts=THREE)
    world.carry_out(reconcile(world.desired, world.states))
    return world


def ids(plan: Plan) -> list[str]:
    return [operation.id for operation in plan.operations]


def check(world: World, host: str, states: Mapping[str, HostState] | None = None) -> None:
    leaving.check_majority(host, world.settings.services, world.desired, states or world.states)


def without(world: World, *hosts: str) -> Desired:
    settings = world.settings
    rest = settings.inventory.without(hosts)
    world.groups = {name: [h for h in of if h not in hosts] for name, of in world.groups.items()}
    world.hosts = rest.hosts
    return desire(world.settings, world.report, world.facts)


def broken(states: Mapping[str, HostState], host: str, name: str, **how: object) -> dict[str, HostState]:
    container = states[host].containers[name].model_copy(update=how)
    containers = {**states[host].containers, name: container}
    return {**states, host: states[host].model_copy(update={"containers": containers})}


def test_one_of_three_may_go(world: World) -> None:
    for host in THREE:
        check(world, host)


@pytest.mark.parametrize(
    "how", [{"state": "exited"}, {"ready": False}, {"health": "unhealthy"}], ids=lambda how: next(iter(how))
)
def test_none_of_three_may_go_while_another_is_not_ready(world: World, how: Mapping[str, object]) -> None:
    states = broken(world.states, "two", "mariadb", **how)
    with pytest.raises(
        InputError, match=r"without host 'one' mariadb .* of 3 members 1 would be left .*three"
    ):
        check(world, "one", states)
    check(world, "two", states)  # which is the one that is not


def test_who_was_not_asked_is_not_known_to_be_ready(world: World) -> None:
    with pytest.raises(InputError, match="no majority"):
        check(world, "one", {host: world.states[host] for host in ("one", "two")})


def test_neither_of_two_may_go_and_one_alone_has_no_others(tmp_path: Path) -> None:
    two = World(tmp_path, hosts=("one", "two"))
    two.carry_out(reconcile(two.desired, two.states))
    with pytest.raises(InputError, match="add a third one first"):
        check(two, "one")
    one = World(tmp_path)
    one.carry_out(reconcile(one.desired, one.states))
    check(one, "one")


def test_the_only_host_of_a_group_may_not_go(world: World) -> None:
    services = world.settings.services
    leaving.check_dispensable("one", world.settings.inventory, services)
    alone = world.settings.inventory.without(["two", "three"])
    with pytest.raises(InputError, match=r"host 'one' is the only one of .*") as caught:
        leaving.check_dispensable(
            "one", alone.__class__(alone.hosts, {"mariadb": ("one",)}, alone.host_vars, ()), services
        )
    assert "mariadb" in str(caught.value)


def test_an_inventory_without_a_host_has_it_nowhere(world: World) -> None:
    inventory = world.settings.inventory.without(["two"])
    assert inventory.hosts == ("one", "three")
    assert inventory.groups["control"] == ("one", "three")
    assert set(inventory.host_vars) == {"one", "three"}


def test_a_host_that_is_replaced_must_be_empty(world: World) -> None:
    leaving.check_empty("one", HostState(host="one"))
    with pytest.raises(InputError, match=r"host 'one' is not empty: it has container .* and \d+ more"):
        leaving.check_empty("one", world.states["one"])
    kept = HostState(host="one", volumes={"mariadb": "epoch"})
    with pytest.raises(InputError, match="it has volume mariadb\n"):
        leaving.check_empty("one", kept)


def test_what_is_due_anyway_is_left_but_for_what_is_waited_for(world: World) -> None:
    new = world.states_of(["four"])
    world.override("keystone.conf", "[DEFAULT]\ndebug = true\n")
    due = reconcile(world.desired, world.states)
    assert ids(due) == [f"container:keystone@{host}" for host in THREE]
    world.groups["control"] = world.hosts = (*THREE, "four")
    whole = reconcile(world.desired, {**world.states, **new})
    narrow = leaving.caused(whole, due)
    assert {o.host for o in narrow.operations} == {*THREE, "four"}
    assert "container:mariadb@one" in ids(narrow)  # it names all members
    assert "container:keystone@four" in ids(narrow)
    kept = set(ids(narrow))
    assert all(before in kept for o in narrow.operations for before in o.after if before in ids(whole))
    assert leaving.caused(due, due).operations == ()


def test_nobody_is_passed_on_to_a_host_then_the_vip_goes_then_all_stops(world: World) -> None:
    plan = leaving.out_plan(world.desired, world.states, "one", stop=True)
    drains = [id_ for id_ in ids(plan) if id_.startswith("drain:")]
    assert f"drain:keystone/one@{THREE[1]}" in drains
    assert all("/one@" in id_ for id_ in drains)
    after = {o.id: set(o.after) for o in plan.operations}
    assert set(drains) <= after["stop:keepalived@one"]
    assert "stop:keepalived@one" in after["stop:keystone@one"]
    assert {o.host for o in plan.operations if o.kind == "stop"} == {"one"}


def test_without_stop_only_the_vip_goes(world: World) -> None:
    plan = leaving.out_plan(world.desired, world.states, "one", stop=False)
    assert [id_ for id_ in ids(plan) if id_.startswith("stop:")] == ["stop:keepalived@one"]
    world.carry_out(plan)
    drained = tuple((name, "one") for c in world.desired.containers_on("one") for name in c.listeners)
    states = {h: s.model_copy(update={"drained": drained}) for h, s in world.states.items()}
    assert not leaving.out_plan(world.desired, states, "one", stop=False)


def test_the_vip_stays_where_no_other_host_could_have_it(world: World) -> None:
    states = world.states
    for other in ("two", "three"):
        states = broken(states, other, "keepalived", state="exited")
    assert "stop:keepalived@one" not in ids(leaving.out_plan(world.desired, states, "one", stop=False))


def test_a_host_that_is_back_starts_and_then_gets_requests(world: World) -> None:
    world.carry_out(leaving.out_plan(world.desired, world.states, "one", stop=False))
    drained = (("keystone", "one"), ("keystone", "two"))
    states = {h: s.model_copy(update={"drained": drained}) for h, s in world.states.items()}
    plan = leaving.back_plan(world.desired, states, "one")
    admits = [f"admit:keystone/one@{host}" for host in sorted(THREE)]
    assert sorted(ids(plan)) == [*admits, "start:keepalived@one"]
    assert all(o.after == ("start:keepalived@one",) for o in plan.operations if o.id in admits)


def test_the_others_go_on_without_a_host(world: World) -> None:
    desired = without(world, "one")
    others = {host: world.states[host] for host in ("two", "three")}
    plan = reconcile(desired, others)
    assert {o.host for o in plan.operations} == {"two", "three"}
    assert "job:rabbitmq/members@two" in ids(plan)
