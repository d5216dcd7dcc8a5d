"""What users notice: who serves meanwhile, as the hosts are, and what goes."""

from __future__ import annotations

from pathlib import Path

import pytest
from world import World

from kolla.state import explain
from kolla.state.impact import summarise
from kolla.state.plan import Impact, Operation, Plan
from kolla.state.power import power_plan
from kolla.state.reconcile import reconcile


def plan(world: World) -> Plan:
    return reconcile(world.desired, world.states)


def operation(made: Plan, id_: str) -> Operation:
    (found,) = (operation for operation in made.operations if operation.id == id_)
    return found


@pytest.fixture
def two(tmp_path: Path) -> World:
    world = World(tmp_path, hosts=("one", "two"))
    world.carry_out(plan(world))
    return world


def set_state(world: World, name: str, state: str, host: str) -> None:
    before = world.states[host]
    container = before.containers[name].model_copy(update={"state": state})
    world.states[host] = before.model_copy(update={"containers": {**before.containers, name: container}})


def test_a_service_switched_off_interrupts_its_endpoint(deployed: World) -> None:
    deployed.globals["enable_notes"] = False
    made = plan(deployed)
    assert operation(made, "remove:notes@one").impact == Impact(interrupted=("notes",))
    assert "notes" in summarise(made).interrupted


def test_users_of_what_goes_are_named(deployed: World) -> None:
    deployed.globals["enable_haproxy"] = False
    deployed.globals["kolla_internal_vip_address"] = "10.0.0.1"
    impact = operation(plan(deployed), "remove:haproxy@one").impact
    assert {"keystone", "notes"} <= set(impact.interrupted)
    assert "notes" in impact.behind


def test_what_does_not_run_interrupts_nobody_when_it_goes(deployed: World) -> None:
    set_state(deployed, "notes", "exited", "one")
    deployed.globals["enable_notes"] = False
    assert not operation(plan(deployed), "remove:notes@one").impact


def test_where_a_host_leaves_the_others_serve(two: World) -> None:
    two.groups["notes"] = ["two"]
    assert operation(plan(two), "remove:notes@one").impact == Impact(served_by_others=("notes",))
    set_state(two, "notes", "exited", "two")
    assert operation(plan(two), "remove:notes@one").impact == Impact(interrupted=("notes",))


def test_a_host_whose_container_does_not_run_serves_nobody_meanwhile(two: World) -> None:
    set_state(two, "keystone", "exited", "two")
    two.override("keystone.conf", "[token]\nexpiration = 7200\n")
    made = plan(two)
    assert operation(made, "container:keystone@one").impact.interrupted == ("keystone",)
    assert "Endpoints interrupted: keystone." in explain.text(made)


def test_of_those_with_the_address_another_gets_it(two: World) -> None:
    two.image_ids["haproxy"] = "sha256:other"
    impact = operation(plan(two), "container:haproxy@one").impact
    assert impact.served_by_others and not impact.interrupted
    assert "it is on another within" in impact.meanwhile
    (first, _) = power_plan(two.desired, two.states, "restart", {"haproxy"}).operations
    assert first.impact.served_by_others and not first.impact.interrupted


def test_one_that_is_alone_whoever_else_there_is_is_not_served_by_others(two: World) -> None:
    two.edit(
        "notes/service.yml", "    command: notes-api", "    impact: {alone: true}\n    command: notes-api"
    )
    two.image_ids["notes"] = "sha256:other"
    impact = operation(plan(two), "container:notes@one").impact
    assert impact.interrupted and not impact.served_by_others
    (first, _) = power_plan(two.desired, two.states, "restart", {"notes"}).operations
    assert first.impact.interrupted and not first.impact.served_by_others


def test_what_waits_without_others_is_said_of_a_single_one_alone(two: World) -> None:
    two.edit(
        "notes/service.yml",
        "    command: notes-api",
        "    impact: {without_others: nobody writes}\n    command: notes-api",
    )
    two.image_ids["notes"] = "sha256:other"
    assert operation(plan(two), "container:notes@one").impact.meanwhile == ""
    set_state(two, "notes", "exited", "two")
    assert operation(plan(two), "container:notes@one").impact.meanwhile == "nobody writes"
