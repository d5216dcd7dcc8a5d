from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from test_revision_state import back
from world import World

from kolla.ansible import plays
from kolla.catalogue import loader, upgrade_table
from kolla.errors import InputError
from kolla.state import explain, releases, rollback
from kolla.state.changes import ReleaseChange
from kolla.state.derive import desire
from kolla.state.desired import Desired
from kolla.state.host_state import HostState
from kolla.state.plan import ImageOperation
from kolla.state.reconcile import reconcile
from kolla.state.upgrade import finish_plan, upgrade_plan


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


@pytest.mark.parametrize("service", ["mariadb", "rabbitmq"])
def test_a_server_of_then_is_asked_first_whether_it_may_have_the_data_of_now(
    deployed: World, service: str
) -> None:
    before = back(deployed.desired)
    deployed.image_ids |= {name: f"sha256:{name}-new" for name in ("memcached", service)}
    deployed.carry_out(reconcile(deployed.desired, deployed.states))
    plan = rollback.towards(1, before, deployed.states)
    look, *containers = plan.operations
    assert (look.id, look.causes) == (f"job:{service}/takeover@one", ("its image changed",))
    assert {c.id for c in containers} == {f"container:{service}@one", "container:memcached@one"}
    assert all(look.id in container.after for container in containers)
    deployed.carry_out(plan, before)
    assert not rollback.towards(1, before, deployed.states)
    forward = reconcile(deployed.desired, deployed.states)
    assert look.id in [operation.id for operation in forward.operations]


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
    assert plan.stop_at_failure
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
    assert {id_.partition(":")[0] for id_ in gone} == {"host", "remove"}  # sysctls of the load balancer


def test_only_some_services_go_back(upgraded: tuple[World, Desired]) -> None:
    world, before = upgraded
    assert not rollback.towards(1, before, world.states, services=frozenset({"notes"}))


# -- between releases --------------------------------------------------------------------------------

OLDER, NEWER = "2025.2", "2026.1"


def go_to(world: World, release: str) -> None:
    """Images of another release."""
    world.release = release
    names = [name for folder in loader.load().folders.values() for name in folder.service.images]
    world.image_ids = {name: f"sha256:{release}-{name}" for name in (*names, "notes")}


@pytest.fixture
def newer(world: World) -> tuple[World, Desired]:
    """A cloud after an upgrade that is not finished, and the state it had before."""
    go_to(world, OLDER)
    world.carry_out(reconcile(world.desired, world.states))
    job = next(job for job in world.desired.jobs if job.name == "keystone/bootstrap")
    before = back(replace(world.desired, back=(replace(job, name="keystone/versions"),)))
    go_to(world, NEWER)
    course = releases.upgrade_course(NEWER, world.states)
    wanted = desire(world.settings, world.report, world.facts, course)
    world.carry_out(upgrade_plan(wanted, world.states, begun=False))
    return world, before


def test_going_back_from_an_upgrade_runs_what_services_do_for_it_before_their_containers(
    newer: tuple[World, Desired],
) -> None:
    world, before = newer
    plan = rollback.towards(1, before, world.states)
    titles = [explain.title(operation) for operation in plan.operations]
    assert [title for title in titles if not title.startswith("recreate container")] == [
        "run job mariadb/takeover",
        "run job rabbitmq/takeover",
        "run job keystone/versions",
    ]
    by_id = {operation.id: operation for operation in plan.operations}
    assert by_id["job:keystone/versions@one"].causes == ("2026.1 has worked on its data",)
    assert "job:keystone/versions@one" in by_id["container:keystone@one"].after
    world.release = OLDER
    world.carry_out(plan)
    assert releases.unfinished(world.states) == ReleaseChange(before=OLDER, after=NEWER)
    assert not rollback.towards(1, before, world.states)


def test_one_goes_back_only_while_the_upgrade_is_unfinished(newer: tuple[World, Desired]) -> None:
    world, before = newer
    services = loader.load().folders.values()
    rollback.check_release(1, before, world.states, services)
    wanted = desire(world.settings, world.report, world.facts, releases.finish_course(NEWER, world.states))
    world.carry_out(finish_plan(wanted, world.states))
    with pytest.raises(InputError) as caught:
        rollback.check_release(1, before, world.states, services)
    assert str(caught.value).startswith(
        "revision 1 is of 2025.2, and 2026.1 runs: no upgrade between them is unfinished"
    )
    assert "expected: a revision of 2026.1" in str(caught.value)


def test_one_does_not_go_back_where_nobody_has_tried(newer: tuple[World, Desired]) -> None:
    world, before = newer
    services = loader.load().folders.values()
    change = ReleaseChange(before="2024.2", after=NEWER)
    states = {host: state.model_copy(update={"upgrade": change}) for host, state in world.states.items()}
    with pytest.raises(InputError, match="keystone: nobody has tried it"):
        rollback.check_release(1, replace(before, release="2024.2"), states, services)


PAIR = ReleaseChange(before=OLDER, after=NEWER)


def test_every_service_with_a_database_needs_a_word_about_each_pair(world: World) -> None:
    services = [*loader.load([world.services]).folders.values()]
    assert rollback.no_way_back(services, PAIR, world.desired) == {}
    world.edit("notes/service.yml", "    2025.2 -> 2026.1:", "    2024.2 -> 2025.1:")
    services = [*loader.load([world.services]).folders.values()]
    assert rollback.no_way_back(services, PAIR, world.desired) == {"notes": "nobody has tried it"}


def test_a_service_that_is_not_there_is_no_obstacle(world: World) -> None:
    world.edit("notes/service.yml", "    2025.2 -> 2026.1:", "    2024.2 -> 2025.1:")
    services = [*loader.load([world.services]).folders.values()]
    world.globals["enable_notes"] = False
    assert rollback.no_way_back(services, PAIR, world.desired) == {}


def test_a_service_without_schemas_needs_no_word(world: World) -> None:
    services = loader.load([world.services]).folders.values()
    assert {"mariadb", "rabbitmq", "memcached"} <= {folder.name for folder in services}
    unheard = ReleaseChange(before="1999.1", after="1999.2")
    found = rollback.no_way_back(services, unheard, world.desired)
    assert found == dict.fromkeys(("keystone", "notes"), "nobody has tried it")


def test_the_table_has_a_row_for_each_service_that_needs_a_word_and_no_other() -> None:
    text = upgrade_table.text(loader.load())
    assert "| rabbitmq |" not in text[text.index("## Going back") :]
    for service in ("glance", "keystone", "neutron", "nova", "placement"):
        assert text.count(f"\n| {service} | yes |") + text.count(f"\n| {service} | no |") == 3
