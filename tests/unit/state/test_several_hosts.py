"""Three hosts that run the same: what waits for whom, and what happens to the first of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from world import World

from kolla.state.desired import DesiredJob
from kolla.state.plan import ContainerOperation
from kolla.state.prechecks import limits
from kolla.state.reconcile import reconcile
from kolla.state.replacement import replaced

HOSTS = ("one", "two", "three")
BUS = "rabbitmq"


@pytest.fixture
def three(tmp_path: Path) -> World:
    """Three hosts with everything deployed."""
    world = World(tmp_path, HOSTS)
    world.groups = {"control": HOSTS, "mariadb": HOSTS[:1]}
    world.carry_out(reconcile(world.desired, world.states))
    return world


def emptied(world: World, host: str) -> None:
    """A host is replaced by an empty one of its name."""
    world.states[host] = world.states[host].model_copy(
        update={"containers": {}, "volumes": {}, "jobs": {}, "folders": {}, "given": {}}
    )


def of_bus(world: World) -> list[ContainerOperation]:
    operations = reconcile(world.desired, world.states).operations
    return [o for o in operations if isinstance(o, ContainerOperation) and o.spec.name == BUS]


def test_those_that_do_not_run_are_started_at_the_same_time(three: World) -> None:
    for host in HOSTS:
        state = three.states[host]
        stopped = state.containers[BUS].model_copy(update={"state": "exited"})
        three.states[host] = state.model_copy(update={"containers": {**state.containers, BUS: stopped}})
    ids = {operation.id for operation in of_bus(three)}
    assert len(ids) == len(HOSTS)
    assert not any(ids & set(operation.after) for operation in of_bus(three))


def test_those_that_run_are_restarted_one_after_the_other(three: World) -> None:
    three.override("rabbitmq/rabbitmq.conf", "vm_memory_high_watermark.relative = 0.3\n")
    operations = of_bus(three)
    waits = [sorted(set(o.after) & {other.id for other in operations}) for o in operations]
    assert [len(each) for each in waits] == [0, 1, 1]


def test_jobs_of_a_first_host_that_was_replaced_are_done_again_there(three: World) -> None:
    emptied(three, "one")
    jobs = {o.id: o.causes for o in reconcile(three.desired, three.states).operations if o.kind == "job"}
    assert jobs["job:keystone/bootstrap@one"] == ("it has not been done",)
    assert not [id_ for id_ in jobs if id_.endswith("@two")]


def test_jobs_of_a_first_host_that_is_left_out_are_not_done_elsewhere(three: World) -> None:
    three.image_ids["keystone"] = "sha256:newer"
    states = {host: three.states[host] for host in HOSTS[1:]}
    ids = [o.id for o in reconcile(three.desired, states).operations]
    assert "container:keystone@two" in ids
    assert not [id_ for id_ in ids if "db-sync" in id_]
    again = {o.id for o in reconcile(three.desired, three.states).operations}
    assert "job:keystone/db-sync@one" in again


def test_jobs_move_to_the_next_host_when_the_first_leaves_the_group(three: World) -> None:
    three.groups["keystone"] = HOSTS[1:]
    ids = [o.id for o in reconcile(three.desired, three.states).operations]
    assert "job:keystone/bootstrap@two" in ids
    assert "job:keystone/seed-keys@two" not in ids


def test_who_stays_hears_of_a_member_that_leaves(three: World) -> None:
    three.groups[BUS] = HOSTS[:2]
    ids = [o.id for o in reconcile(three.desired, three.states).operations]
    assert {"remove:rabbitmq@three", "job:rabbitmq/members@one", "job:rabbitmq/members@two"} <= set(ids)


def test_a_verb_about_one_host_leaves_the_others_and_who_uses_them_alone(three: World) -> None:
    services = {folder.name: folder.service for folder in three.settings.services}
    name, desired = "rabbitmq-reset", three.desired

    def named(job: str) -> list[DesiredJob]:
        return [each for each in desired.verbs if each.name == f"rabbitmq/{job}" and each.host == "two"]

    plan = replaced(
        desired,
        named(f"verb-{name}"),
        three.states,
        checks=named(f"before-{name}"),
        name=name,
        verb=services[BUS].verbs[name],
        service=services[BUS],
        services=services.values(),
    )
    assert [operation.id for operation in plan.operations] == [
        "job:rabbitmq/before-rabbitmq-reset@two",
        "stop:rabbitmq@two",
        "job:rabbitmq/verb-rabbitmq-reset@two",
        "job:rabbitmq/takeover@two",
        "container:rabbitmq@two",
        "job:rabbitmq/members@two",
    ]
    three.carry_out(plan)
    assert not reconcile(desired, three.states).operations


def test_images_in_files_are_served_by_one_host_unless_all_see_them(three: World) -> None:
    three.globals["enable_glance"] = True
    where = [c.host for c in three.desired.containers if c.service == "glance"]
    assert where == ["one"]
    warned = {f["host"]: f["message"] for f in limits(three.settings, HOSTS) if f["subject"] == "glance"}
    assert sorted(warned) == ["three", "two"]
    assert "on one alone: images are files there" in warned["two"]
    three.globals |= {"glance_file_shared": True, "volume_names": {"glance": "/srv/images"}}
    assert [c.host for c in three.desired.containers if c.service == "glance"] == list(HOSTS)
    assert not limits(three.settings, HOSTS)
