from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from test_revision_state import back
from world import World

from kolla.ansible import plays
from kolla.errors import InputError
from kolla.state import explain, rollback
from kolla.state.desired import Desired
from kolla.state.host_state import HostState
from kolla.state.plan import ImageOperation
from kolla.state.reconcile import reconcile


def pushed(desired: Desired) -> Desired:
    """The state with every image in a registry."""
    containers = tuple(
        replace(c, image=c.image.model_copy(update={"digest": f"registry/{c.image.name}@sha256:d"}))
        for c in desired.containers
    )
    return replace(desired, containers=containers)


@pytest.fixture
def upgraded(deployed: World) -> tuple[World, Desired]:
    """A cloud with another image and other settings, and the state it had before."""
    before = back(deployed.desired)
    deployed.image_ids["keystone"] = "sha256:keystone-new"
    deployed.override("keystone.conf", "[token]\nexpiration = 60\n")
    deployed.carry_out(reconcile(deployed.desired, deployed.states))
    return deployed, before


def change(world: World, **changes: object) -> dict[str, HostState]:
    return {host: state.model_copy(update=changes) for host, state in world.states.items()}


def test_going_back_is_images_and_configuration_and_no_job(upgraded: tuple[World, Desired]) -> None:
    world, before = upgraded
    plan = rollback.towards(1, before, world.states)
    assert [explain.title(operation) for operation in plan.operations] == ["recreate container keystone"]
    assert plan.operations[0].causes == (
        "image keystone-new -> keystone",
        "keystone.conf: [token] expiration 60 -> 3600, set by template keystone.conf.j2",
    )


def test_an_image_that_was_never_pushed_and_is_gone_stops_it_by_name(
    upgraded: tuple[World, Desired],
) -> None:
    world, before = upgraded
    states = change(world, images=())
    with pytest.raises(InputError) as caught:
        rollback.towards(3, before, states)
    assert str(caught.value).startswith(
        "revision 3 needs image kolla/keystone:1, which host 'one' no longer has and which was never pushed"
    )


def test_images_come_before_anything_is_touched(tmp_path: Path) -> None:
    world = World(tmp_path, ("one", "two"))
    before = pushed(back(world.desired))
    plan = rollback.towards(1, before, change(world, volumes=dict.fromkeys(_volumes(before), "epoch")))
    images = [operation for operation in plan.operations if isinstance(operation, ImageOperation)]
    assert {image.host for image in images} == {"one", "two"}
    first, *_ = plays.steps(plan)
    assert {o for operations in first.values() for o in operations} >= set(images)
    for operation in plan.operations:
        if operation not in images:
            assert set(operation.after) >= {image.id for image in images}


def _volumes(desired: Desired) -> set[str]:
    return {m.source for c in desired.containers for m in c.spec.mounts if m.type == "volume"}


def test_data_that_is_gone_stops_it_by_name(upgraded: tuple[World, Desired]) -> None:
    world, before = upgraded
    states = change(world, volumes={n: e for n, e in world.states["one"].volumes.items() if n != "mariadb"})
    states = {
        host: state.model_copy(
            update={"containers": {n: c for n, c in state.containers.items() if n != "mariadb"}}
        )
        for host, state in states.items()
    }
    with pytest.raises(InputError, match="revision 3 needs volume 'mariadb', which host 'one' no longer has"):
        rollback.towards(3, before, states)


def test_hosts_that_left_the_inventory_stop_it_by_name(tmp_path: Path) -> None:
    before = World(tmp_path, ("one", "two", "three")).desired
    with pytest.raises(InputError, match="that are not in the inventory: three, two"):
        rollback.check_hosts(3, before, ("one",))
    rollback.check_hosts(3, before, ("one", "two", "three", "four"))


def test_a_host_that_came_later_loses_its_containers_and_no_volume(tmp_path: Path) -> None:
    world = World(tmp_path, ("one", "two"))
    world.groups = {"control": ("one",)}
    before = back(world.desired)
    world.groups = {"control": ("one", "two")}
    world.carry_out(reconcile(world.desired, world.states))
    plan = rollback.towards(1, before, world.states)
    gone = {o.id for o in plan.operations if o.host == "two"}
    assert gone
    assert {id_.partition(":")[0] for id_ in gone} == {"remove"}


def test_only_some_services_go_back(upgraded: tuple[World, Desired]) -> None:
    world, before = upgraded
    assert not rollback.towards(1, before, world.states, services=frozenset({"notes"}))
