"""A rollout that fails on some hosts: who goes on, and how far."""

from __future__ import annotations

import pytest
from test_upgrade import NEWER, OLDER, go_to, upgrade
from world import World

from kolla.errors import InputError
from kolla.state import canary, explain
from kolla.state.max_fail import allowed, bearing
from kolla.state.plan import Plan
from kolla.state.reconcile import reconcile

CONTROL, COMPUTE = ("control1", "control2"), ("compute1", "compute2", "compute3")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two controllers and three compute hosts, deployed with the older release."""
    world = World(tmp_path_factory.mktemp("max-fail"), hosts=(*CONTROL, *COMPUTE))
    world.groups = {"control": CONTROL, "network": CONTROL, "compute": COMPUTE}
    world.groups |= {"ovn-database": CONTROL[:1], "mariadb": CONTROL[:1], "rabbitmq": CONTROL[:1]}
    for service in ("glance", "placement", "nova", "neutron", "ovn", "openvswitch"):
        world.globals.pop(f"enable_{service}", None)
    go_to(world, OLDER)
    world.carry_out(reconcile(world.desired, world.states))
    return world


def borne(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {operation.id: operation.bears for operation in plan.operations if operation.bears}


def test_what_works_for_its_own_host_goes_on_and_what_serves_together_does_not(world: World) -> None:
    go_to(world, NEWER)
    plan, desired = upgrade(world)
    go_to(world, OLDER)
    found = bearing(plan, desired, "1")
    assert found.max_fail == 1
    names = {id_.partition(":")[2].partition("@")[0] for id_ in borne(found)}
    assert names >= {"nova-compute", "nova-libvirt", "ovn-controller", "neutron-ovn-metadata-agent"}
    alike = {"haproxy", "keepalived", "keystone", "memcached", "nova-api", "nova-conductor", "nova-scheduler"}
    assert not names & (alike | {"neutron-server", "neutron-rpc-server", "placement-api"})
    assert borne(found)["container:nova-compute@compute2"] == ("container:nova-compute@compute1",)
    # Order and everything else stay.
    assert [(o.id, o.after) for o in found.operations] == [(o.id, o.after) for o in plan.operations]


def test_the_plan_says_so(world: World) -> None:
    world.override("nova/nova-compute.conf", "[DEFAULT]\ndebug = true\n")
    desired = world.desired
    plan = reconcile(desired, world.states)
    (world.directory / "config" / "nova" / "nova-compute.conf").unlink()
    said = explain.text(bearing(plan, desired, "34%"))
    assert said.split("\n\n")[1] == "may fail on 1 host; goes on by itself: nova-compute"
    assert bearing(plan, desired, "0") == bearing(plan, desired, "33%") == plan
    world.override("keystone.conf", "[token]\nexpiration = 60\n")
    desired = world.desired
    plan = bearing(reconcile(desired, world.states), desired, "2")
    (world.directory / "config" / "keystone.conf").unlink()
    assert explain.text(plan).split("\n\n")[1] == "may fail on 2 hosts; nothing goes on by itself"


def test_a_canary_holds_up_all_others_all_the_same(world: World) -> None:
    world.override("nova/nova-compute.conf", "[DEFAULT]\ndebug = true\n")
    desired = world.desired
    plan = canary.with_canary(reconcile(desired, world.states), desired, world.states, ("compute1",), 1)
    (world.directory / "config" / "nova" / "nova-compute.conf").unlink()
    found = bearing(plan, desired, "2")
    (wave,) = found.canary.waves if found.canary else ()
    after = {o.id: set(o.after) - set(o.bears) for o in found.operations}
    assert all(set(wave.judges) <= after[id_] for id_ in wave.waiting)
    assert set(wave.first) <= set.union(*(after[id_] for id_ in wave.judges))


@pytest.mark.parametrize(
    ("text", "hosts", "number"),
    [("0", 9, 0), ("2", 1, 2), ("10%", 9, 0), ("10%", 25, 2), ("100%", 3, 3), ("0%", 3, 0)],
)
def test_a_number_or_a_part(text: str, hosts: int, number: int) -> None:
    assert allowed(text, hosts) == number


@pytest.mark.parametrize("text", ["", "-1", "101%", "one", "1.5", "%", "10 %"])
def test_no_limit(text: str) -> None:
    with pytest.raises(InputError, match="is no limit\n  expected: a number of hosts"):
        allowed(text, 3)
