"""Upgrades: their plans as text, what is refused, and what the services of a stage are."""

from __future__ import annotations

import itertools

import pytest
from world import World

from kolla.catalogue import loader
from kolla.catalogue.model import FIRST
from kolla.catalogue.upgrades import Stage, at
from kolla.errors import InputError, KollaError
from kolla.state import explain, releases
from kolla.state.changes import ReleaseChange
from kolla.state.derive import desire
from kolla.state.desired import Desired
from kolla.state.plan import Plan
from kolla.state.reconcile import reconcile
from kolla.state.releases import Course
from kolla.state.upgrade import finish_plan, upgrade_plan

OLDER, NEWER = "2025.2", "2026.1"


def go_to(world: World, release: str) -> None:
    """Images of another release."""
    world.release = release
    names = [name for folder in loader.load().folders.values() for name in folder.service.images]
    world.image_ids = {name: f"sha256:{release}-{name}" for name in (*names, "notes")}


@pytest.fixture
def older(world: World) -> World:
    """A cloud of the older release, and images of the newer one."""
    go_to(world, OLDER)
    world.carry_out(reconcile(world.desired, world.states))
    go_to(world, NEWER)
    return world


def desired(world: World, course: Course) -> Desired:
    return desire(world.settings, world.report, world.facts, course)


def upgrade(world: World) -> tuple[Plan, Desired]:
    course = releases.upgrade_course(world.release, world.states)
    wanted = desired(world, course)
    return upgrade_plan(wanted, world.states, begun=course.begun), wanted


def deploy(world: World) -> Plan:
    course = releases.deploy_course(world.release, world.states)
    return reconcile(desired(world, course), world.states)


def finish(world: World) -> tuple[Plan, Desired]:
    wanted = desired(world, releases.finish_course(world.release, world.states))
    return finish_plan(wanted, world.states), wanted


def test_an_upgrade_checks_records_expands_and_swaps(older: World) -> None:
    plan, _ = upgrade(older)
    assert (
        explain.text(plan)
        == """\
Upgrade plan for cloud 'kolla': 36 operations on 1 host

one
  + get image haproxy                            the host does not have it
  + get image keystone                           the host does not have it
  + get image kolla-toolbox                      the host does not have it
  + get image mariadb                            the host does not have it
  + get image memcached                          the host does not have it
  + get image notes                              the host does not have it
  + get image rabbitmq                           the host does not have it
  > run job keystone/upgrade-check-status        before anything is changed
  > run job mariadb/upgrade-check-takeover       before anything is changed
  > run job rabbitmq/upgrade-check-takeover      before anything is changed
  + create volume mariadb_backup                 it does not exist
  > run job mariadb/verb-backup
      kept before anything is changed (Make a backup of the database while it is in use, and restore
        it for trial.)
  ! record upgrade                               the upgrade 2025.2 -> 2026.1 begins
  ± recreate container haproxy
      image 2025.2-hapro -> 2026.1-hapro
      impact: endpoints keystone, mariadb, notes are interrupted: no other host serves meanwhile
  ± recreate container kolla-toolbox             image 2025.2-kolla -> 2026.1-kolla
  ± recreate container memcached
      image 2025.2-memca -> 2026.1-memca
      impact: endpoint memcached is interrupted: no other host serves meanwhile
  > run job keystone/seed-keys
      its image changed (puts the keys for tokens and credentials into their volumes)
  > run job mariadb/takeover
      its image changed (sees whether this version may have the data of the one before)
  > run job rabbitmq/takeover
      its image changed (sees whether this version may have the data of the one before)
  ± recreate container rabbitmq
      image 2025.2-rabbi -> 2026.1-rabbi
      impact: endpoint rabbitmq is interrupted: no other host serves meanwhile
  > run job mariadb/bootstrap
      its image changed (makes an empty server's own tables and users)
  ± recreate container mariadb
      image 2025.2-maria -> 2026.1-maria
      impact: endpoint mariadb is interrupted: no other host serves meanwhile
  > run job rabbitmq/members
      its image changed (has a new member take part in all queues, and those that are gone
        forgotten)
  > run job mariadb/upgrade                      its image changed
  ? wait for endpoint mariadb                    what follows needs its answer
  > run job mariadb/database-keystone            its image changed (makes the database and its user)
  > run job mariadb/database-notes               its image changed (makes the database and its user)
  > run job keystone/db-expand                   it has not been done
  > run job notes/db-sync                        its image changed
  ± recreate container keystone
      image 2025.2-keyst -> 2026.1-keyst
      impact: endpoint keystone is interrupted: no other host serves meanwhile
  ± recreate container notes
      image 2025.2-notes -> 2026.1-notes
      impact: endpoint notes is interrupted: no other host serves meanwhile
  > run job keystone/bootstrap
      its image changed (makes the administrator, the region and the roles)
  ? wait for endpoint keystone                   what follows needs its answer
  > run job keystone/identity-keystone
      its image changed (registers the service, its user and its endpoints)
  > run job keystone/identity-notes
      its image changed (registers the service, its user and its endpoints)
  > run job notes/welcome                        its image changed

36 operations on 1 host.
Endpoints interrupted: keystone, mariadb, notes, memcached, rabbitmq.
Their users, whose requests may fail meanwhile: keystone, notes, toolbox.
Running servers and their networks: not touched."""
    )


def test_images_come_before_anything_else_and_a_failure_ends_all(older: World) -> None:
    plan, wanted = upgrade(older)
    images = {operation.id for operation in plan.operations if operation.kind == "image"}
    assert images
    for operation in plan.operations:
        assert operation.kind == "image" or images <= set(operation.after)
    assert plan.stop_at_failure
    begun = next(n for n, o in enumerate(plan.operations) if o.id == "container:memcached@one") + 1
    cut = [operation for operation in plan.operations[:begun] if operation.id != "image:notes@one"]
    older.carry_out(plan.model_copy(update={"operations": tuple(cut)}), wanted)
    rest, wanted = upgrade(older)
    assert rest.stop_at_failure
    for operation in rest.operations:
        assert operation.kind == "image" or "image:notes@one" in operation.after
    older.carry_out(rest, wanted)
    assert finish(older)[0].stop_at_failure


def test_a_deploy_goes_on_with_what_does_not_wait_for_a_failure(world: World) -> None:
    assert not reconcile(world.desired, world.states).stop_at_failure


def test_a_deploy_that_would_be_an_upgrade_says_so(older: World) -> None:
    with pytest.raises(InputError, match=r"2025\.2 runs, and the images are of 2026\.1: this is an upgrade"):
        deploy(older)


def test_a_deploy_does_not_go_back(older: World) -> None:
    go_to(older, "2025.1")
    with pytest.raises(InputError, match="a deploy does not go back"):
        deploy(older)


def test_after_an_upgrade_nothing_is_left_for_a_deploy(older: World) -> None:
    older.carry_out(*upgrade(older))
    assert older.states["one"].upgrade == ReleaseChange(before=OLDER, after=NEWER)
    assert not deploy(older)
    plan, _ = upgrade(older)
    assert not plan


def test_the_end_of_an_upgrade_does_what_was_postponed_and_removes_the_record(older: World) -> None:
    older.carry_out(*upgrade(older))
    plan, wanted = finish(older)
    assert (
        explain.text(plan)
        == """\
Plan of the end of an upgrade for cloud 'kolla': 4 operations on 1 host

one
  > run job rabbitmq/feature-flags
      it has not been done (enables what all members can do now)
  ? wait for endpoint mariadb                    what follows needs its answer
  > run job keystone/db-sync                     its image changed (makes and updates its tables)
  ! record upgrade                               2025.2 -> 2026.1 is finished

4 operations on 1 host.
Endpoints interrupted: none.
Running servers and their networks: not touched."""
    )
    older.carry_out(plan, wanted)
    assert older.states["one"].upgrade is None
    assert not deploy(older)
    with pytest.raises(InputError, match="no upgrade is unfinished"):
        finish(older)


def test_what_is_left_of_an_upgrade_is_done_without_checks(older: World) -> None:
    plan, wanted = upgrade(older)
    ids = [operation.id for operation in plan.operations]
    cut = ids.index("container:mariadb@one") + 1
    older.carry_out(plan.model_copy(update={"operations": plan.operations[:cut]}), wanted)
    rest, wanted = upgrade(older)
    assert {o.id for o in rest.operations if o.kind != "endpoint"} == {
        o.id for o in plan.operations[cut:] if o.kind != "endpoint"
    }
    assert [o.id for o in deploy(older).operations] == [o.id for o in rest.operations]
    older.carry_out(rest, wanted)
    assert not deploy(older)


def test_an_upgrade_is_not_finished_before_all_of_it_is_done(older: World) -> None:
    plan, wanted = upgrade(older)
    ids = [operation.id for operation in plan.operations]
    cut = ids.index("container:mariadb@one") + 1
    older.carry_out(plan.model_copy(update={"operations": plan.operations[:cut]}), wanted)
    with pytest.raises(InputError, match=r"not everything runs 2026\.1 yet: keystone on one"):
        finish(older)


def test_after_a_rollback_no_older_code_meets_the_newer_schema(older: World) -> None:
    older.carry_out(*upgrade(older))
    go_to(older, OLDER)
    with pytest.raises(InputError, match="there runs 2026"):
        deploy(older)
    course = Course(Stage.BACK, ReleaseChange(before=OLDER, after=NEWER))
    wanted = desired(older, course)
    older.carry_out(reconcile(wanted, older.states), wanted)
    assert not deploy(older)
    older.image_ids["keystone"] = "sha256:keystone-mended"
    assert "job:keystone/db-sync@one" not in [o.id for o in deploy(older).operations]


def test_after_a_rollback_an_upgrade_begins_anew(older: World) -> None:
    plan, wanted = upgrade(older)
    older.carry_out(plan, wanted)
    go_to(older, OLDER)
    wanted = desired(older, Course(Stage.BACK, ReleaseChange(before=OLDER, after=NEWER)))
    older.carry_out(reconcile(wanted, older.states), wanted)
    go_to(older, NEWER)
    again, wanted = upgrade(older)
    assert {o.id for o in plan.operations if o.kind in ("job", "release")} <= {o.id for o in again.operations}
    assert [o.id for o in again.operations][:5] == [
        "job:keystone/upgrade-check-status@one",
        "job:mariadb/upgrade-check-takeover@one",
        "job:rabbitmq/upgrade-check-takeover@one",
        "job:mariadb/verb-backup@one",
        "release:upgrade@one",
    ]
    older.carry_out(again, wanted)
    assert not deploy(older)


def test_an_upgrade_begins_with_a_healthy_cloud(older: World) -> None:
    state = older.states["one"]
    ill = state.containers["memcached"].model_copy(update={"state": "exited"})
    older.states["one"] = state.model_copy(update={"containers": {**state.containers, "memcached": ill}})
    with pytest.raises(KollaError, match="begins with a healthy cloud: memcached on one is exited"):
        upgrade(older)


@pytest.mark.parametrize(
    ("before", "after"),
    [("2025.1", "2025.2"), ("2025.2", "2026.1"), ("2025.1", "2026.1"), ("2026.1", "2027.1")],
)
def test_pairs_that_are_ways(before: str, after: str) -> None:
    assert releases.supported(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [("2024.2", "2025.2"), ("2024.1", "2026.1"), ("2026.1", "2025.2"), ("2024.2", "2026.1")],
)
def test_pairs_that_are_none(world: World, before: str, after: str) -> None:
    assert not releases.supported(before, after)
    go_to(world, before)
    world.carry_out(reconcile(world.desired, world.states))
    with pytest.raises(InputError, match=f"no way from {before} to {after} in one step"):
        releases.upgrade_course(after, world.states)


def test_another_upgrade_waits_for_the_end_of_the_one_before(older: World) -> None:
    older.carry_out(*upgrade(older))
    with pytest.raises(InputError, match=r"upgrade from 2025\.2 to 2026\.1 is not finished"):
        releases.upgrade_course("2026.2", older.states)


def gone_back(world: World) -> None:
    """An upgrade, and the rollback from it."""
    world.carry_out(*upgrade(world))
    go_to(world, OLDER)
    wanted = desired(world, Course(Stage.BACK, ReleaseChange(before=OLDER, after=NEWER)))
    world.carry_out(reconcile(wanted, world.states), wanted)


def test_what_to_type_depends_on_what_runs(older: World) -> None:
    assert releases.reminder(NEWER, older.states) == ""
    older.carry_out(*upgrade(older))
    assert releases.reminder(NEWER, older.states) == (
        "the upgrade 2025.2 -> 2026.1 is not finished; to stay: kolla upgrade --finish; to go back: "
        "kolla rollback"
    )
    gone_back(older)
    given_up = "; to give it up, do nothing: the next upgrade may be to 2026.1 or a later release"
    said = releases.reminder(OLDER, older.states)
    assert said.startswith("2025.2 runs on the schemas of 2026.1")
    assert "forward again: set openstack_release: 2026.1, kolla build, kolla upgrade" + given_up in said
    assert f"to go forward again: kolla upgrade{given_up}" in releases.reminder(NEWER, older.states)
    assert "--finish" not in said


def test_an_upgrade_that_was_given_up_leaves_the_way_to_a_later_release(older: World) -> None:
    gone_back(older)
    state = older.states["one"]
    skipped = ReleaseChange(before="2025.1", after=OLDER)
    versions = {n: c.model_copy(update={"version": "2025.1"}) for n, c in state.containers.items()}
    older.states["one"] = state.model_copy(update={"upgrade": skipped, "containers": versions})
    go_to(older, NEWER)
    with pytest.raises(InputError, match=r"2025\.1 runs, and the images are of 2026\.1: this is an upgrade"):
        deploy(older)
    plan, wanted = upgrade(older)
    assert wanted.upgrade == ReleaseChange(before="2025.1", after=NEWER)
    older.carry_out(plan, wanted)
    assert older.states["one"].upgrade == wanted.upgrade
    assert not deploy(older)


def test_a_release_that_does_not_know_the_schemas_is_no_way_forward(older: World) -> None:
    gone_back(older)
    state = older.states["one"]
    given_up = ReleaseChange(before="2025.1", after=NEWER)
    versions = {n: c.model_copy(update={"version": "2025.1"}) for n, c in state.containers.items()}
    older.states["one"] = state.model_copy(update={"upgrade": given_up, "containers": versions})
    go_to(older, OLDER)
    with pytest.raises(InputError, match=r"2025\.2 does not know the schemas there are, .* of 2026\.1"):
        upgrade(older)
    with pytest.raises(InputError, match="the images are of 2025"):
        deploy(older)


def test_nothing_to_upgrade(world: World) -> None:
    world.carry_out(reconcile(world.desired, world.states))
    with pytest.raises(InputError, match="nothing runs another release"):
        upgrade(world)


def test_every_service_of_ours_can_be_at_every_stage() -> None:
    for folder, stage in itertools.product(loader.load().folders.values(), Stage):
        service = at(folder.service, stage)
        for part in (*service.containers.values(), *service.jobs.values()):
            known = {f"job/{n}" for n in service.jobs}
            known |= {f"{kind}/{n}" for kind in ("container", "containers") for n in service.containers}
            known |= {f"endpoint/{n}" for n in service.endpoints} | {c.value for c in service.needs}
            known |= {FIRST, *(c.value for c in service.may_need)}
            assert set(part.after) <= known, (folder.name, stage)
