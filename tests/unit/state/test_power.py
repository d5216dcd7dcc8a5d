"""Stopping and starting: what, in which order, and who notices."""

from pathlib import Path

import pytest
from world import World

from kolla.state import status
from kolla.state.explain import text
from kolla.state.power import PowerAction, power_plan
from kolla.state.reconcile import reconcile


@pytest.fixture
def three(tmp_path: Path) -> World:
    world = World(tmp_path, hosts=("one", "two", "three"))
    world.carry_out(reconcile(world.desired, world.states))
    return world


def set_state(world: World, name: str, state: str, host: str = "one") -> None:
    before = world.states[host]
    container = before.containers[name].model_copy(update={"state": state})
    world.states[host] = before.model_copy(update={"containers": {**before.containers, name: container}})


def order(plan) -> list[str]:
    return [operation.container for operation in plan.operations]


def test_a_cloud_stops_in_the_opposite_order_of_its_start(deployed: World) -> None:
    stop = power_plan(deployed.desired, deployed.states, "stop")
    assert max(map(order(stop).index, ("notes", "keystone"))) < order(stop).index("mariadb")
    for name in order(stop):
        set_state(deployed, name, "exited")
    start = power_plan(deployed.desired, deployed.states, "start")
    assert sorted(order(start)) == sorted(order(stop))
    assert order(start).index("mariadb") < min(map(order(start).index, ("notes", "keystone")))
    assert {(b, a) for a, b in edges(stop)} == edges(start)
    assert edges(start)


def edges(plan) -> set[tuple[str, str]]:
    return {
        (before.partition(":")[2], operation.id.partition(":")[2])
        for operation in plan.operations
        for before in operation.after
    }


def test_order_reaches_over_jobs_and_containers_that_stay(deployed: World) -> None:
    plan = power_plan(deployed.desired, deployed.states, "restart", {"mariadb", "notes"})
    assert [(o.container, o.after) for o in plan.operations] == [
        ("mariadb", ()),
        ("notes", ("start:mariadb@one",)),
    ]


def test_the_text_says_what_is_interrupted(deployed: World) -> None:
    plan = power_plan(deployed.desired, deployed.states, "stop", {"keystone", "memcached"})
    assert [" ".join(line.split()) for line in text(plan).splitlines()] == [
        "Plan for cloud 'kolla': 2 operations on 1 host",
        "",
        "one",
        "- stop container keystone",
        "asked for",
        "impact: endpoint keystone is interrupted: no other host serves meanwhile",
        "- stop container memcached",
        "asked for",
        "impact: endpoint memcached is interrupted: no other host serves meanwhile",
        "",
        "2 operations on 1 host.",
        "Endpoints interrupted: keystone, memcached.",
        "Their users, whose requests may fail meanwhile: notes, toolbox, keystone.",
        "Running servers and their networks: not touched.",
    ]


def test_what_is_so_already_is_left_out(deployed: World) -> None:
    set_state(deployed, "keystone", "exited")
    names = {"keystone", "memcached"}
    assert order(power_plan(deployed.desired, deployed.states, "stop", names)) == ["memcached"]
    assert order(power_plan(deployed.desired, deployed.states, "start", names)) == ["keystone"]
    assert set(order(power_plan(deployed.desired, deployed.states, "restart", names))) == names


def test_a_container_in_a_crash_loop_can_be_stopped(deployed: World) -> None:
    set_state(deployed, "keystone", "restarting")
    assert order(power_plan(deployed.desired, deployed.states, "stop", {"keystone"})) == ["keystone"]


def test_a_restart_goes_from_host_to_host(three: World) -> None:
    plan = power_plan(three.desired, three.states, "restart", {"keystone"})
    assert [(o.host, o.after) for o in plan.operations] == [
        ("one", ()),
        ("two", ("start:keystone@one",)),
        ("three", ("start:keystone@two",)),
    ]
    assert {o.impact.served_by_others for o in plan.operations} == {("keystone",)}


def test_what_a_restart_interrupts_is_away_for_one_start_not_for_many(three: World) -> None:
    def besides(action: PowerAction) -> set[str]:
        return {o.beside for o in power_plan(three.desired, three.states, action, {"keystone"}).operations}

    assert besides("restart") == {"anything"}
    for host in ("two", "three"):
        set_state(three, "keystone", "exited", host)
    assert "harmless" in besides("restart")
    assert besides("stop") == {"anything"}


def test_nobody_serves_what_is_stopped_on_all_hosts(three: World) -> None:
    plan = power_plan(three.desired, three.states, "stop", {"keystone"})
    assert {o.impact.interrupted for o in plan.operations} == {("keystone",)}
    set_state(three, "keystone", "exited", "three")
    set_state(three, "keystone", "exited", "two")
    plan = power_plan(three.desired, three.states, "restart", {"keystone"})
    assert plan.operations[0].impact.interrupted == ("keystone",)


def test_a_limit_leaves_other_hosts_alone(three: World) -> None:
    limited = {"two": three.states["two"]}
    plan = power_plan(three.desired, limited, "stop", {"keystone"})
    assert [(o.host, o.impact.served_by_others) for o in plan.operations] == [("two", ("keystone",))]


def test_all_means_also_what_nothing_wants_any_more(deployed: World) -> None:
    deployed.globals["enable_notes"] = False
    assert "notes" in order(power_plan(deployed.desired, deployed.states, "stop"))
    assert "notes" not in order(power_plan(deployed.desired, deployed.states, "stop", {"keystone"}))


def test_a_stopped_set_is_a_stopped_set_to_a_deploy(deployed: World) -> None:
    set_state(deployed, "keystone", "exited")
    (operation,) = reconcile(deployed.desired, deployed.states).operations
    assert (operation.id, operation.causes) == ("container:keystone@one", ("it is exited",))


def test_status_of_sets(deployed: World) -> None:
    set_state(deployed, "keystone", "exited")
    sets = {"control": ["keystone", "notes"], "cache": ["memcached"], "empty": ["nova-api"]}
    control, cache = status.set_rows(deployed.desired, deployed.states, sets)
    assert control == {
        "set": "control",
        "hosts": 1,
        "running": "1/2",
        "health": "1 not healthy: keystone",
        "version": "2026.1",
        "generation": 1,
        "checks": control["checks"],
    }
    assert "keystone/check-" in control["checks"]
    assert (cache["running"], cache["health"]) == ("1/1", "healthy")


def test_rows_and_findings_of_a_set(deployed: World) -> None:
    rows = status.rows(deployed.desired, deployed.states, {"keystone"})
    assert [row["container"] for row in rows] == ["keystone"]
    found = status.findings(deployed.desired, deployed.states, {"keystone"})
    assert [finding["subject"] for finding in found] == ["keystone"]


def test_status_shows_who_changes_a_host(deployed: World) -> None:
    sentence = "this host is being changed by ann@far, process 1: deploy, for 5 s"
    deployed.states["one"] = deployed.states["one"].model_copy(update={"lock": sentence})
    assert status.rows(deployed.desired, deployed.states)[-1] == {
        "host": "one",
        "state": "locked",
        "note": sentence,
    }
