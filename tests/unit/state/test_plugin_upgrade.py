"""Upgrade and rollback of a third party's service, whose folder is not in the package."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cloud import modelled
from test_revision_state import back
from test_upgrade import NEWER, OLDER, deploy, finish, go_to, upgrade
from world import World

from kolla.errors import InputError
from kolla.state import explain, rollback
from kolla.state.desired import Desired
from kolla.state.plan import ContainerOperation, JobOperation, Plan
from kolla.state.reconcile import reconcile

UPGRADE = """\
upgrade:
  checks:
    ready: {container: notes, command: [notes-manage, check]}
  expand:
    db-expand: {container: notes, command: [notes-manage, db-expand], after: [database]}
  postponed: [db-sync]
  finish:
    db-migrate: {container: notes, command: [notes-manage, db-migrate], after: [job/db-sync]}
  back:
    forget: {container: notes, command: [notes-manage, forget]}
"""
"""What it says besides the releases it can come back from."""


def own(plan: Plan) -> list[str]:
    """What a plan does about the service, in order."""
    kinds = (ContainerOperation, JobOperation)
    return [explain.title(o) for o in plan.operations if isinstance(o, kinds) and o.service == "notes"]


@pytest.fixture
def plugin(world: World) -> tuple[World, Desired]:
    """A cloud of the older release with the service, images of the newer one, and the state it has."""
    world.edit("notes/service.yml", "upgrade:\n", UPGRADE)
    go_to(world, OLDER)
    world.carry_out(reconcile(world.desired, world.states))
    before = back(replace(world.desired, back=tuple(j for j in world.desired.back if j.service == "notes")))
    go_to(world, NEWER)
    return world, before


def test_it_is_upgraded_like_ours(plugin: tuple[World, Desired]) -> None:
    world, _ = plugin
    plan, wanted = upgrade(world)
    assert own(plan) == [
        "run job notes/upgrade-check-ready",
        "run job mariadb/database-notes",
        "run job notes/db-expand",
        "recreate container notes",
        "run job keystone/identity-notes",
        "run job notes/welcome",
    ]
    world.carry_out(plan, wanted)
    assert not deploy(world)
    plan, wanted = finish(world)
    assert own(plan) == ["run job notes/db-sync", "run job notes/db-migrate"]
    world.carry_out(plan, wanted)
    assert not deploy(world)


def test_it_goes_back_like_ours(plugin: tuple[World, Desired]) -> None:
    world, before = plugin
    world.carry_out(*upgrade(world))
    rollback.check_release(1, before, world.states, world.settings.services)
    plan = rollback.towards(1, before, world.states)
    assert own(plan) == ["run job notes/forget", "recreate container notes"]
    world.release = OLDER
    world.carry_out(plan)
    assert not rollback.towards(1, before, world.states)


def test_it_does_not_go_back_where_it_does_not_say_so(plugin: tuple[World, Desired]) -> None:
    world, before = plugin
    world.carry_out(*upgrade(world))
    world.edit(
        "notes/service.yml",
        "2025.2 -> 2026.1: {safe: true, because: The schema is the same.}",
        "2025.2 -> 2026.1: {safe: false, because: It loses one.}",
    )
    with pytest.raises(InputError, match="notes: It loses one"):
        rollback.check_release(1, before, world.states, world.settings.services)


def test_without_such_words_its_containers_are_replaced_and_its_jobs_repeated(world: World) -> None:
    go_to(world, OLDER)
    world.carry_out(reconcile(world.desired, world.states))
    before = back(world.desired)
    go_to(world, NEWER)
    plan, wanted = upgrade(world)
    assert [t for t in own(plan) if "notes/" in t or "container" in t] == [
        "run job notes/db-sync",
        "recreate container notes",
        "run job notes/welcome",
    ]
    world.carry_out(plan, wanted)
    rollback.check_release(1, before, world.states, world.settings.services)
    assert own(rollback.towards(1, before, world.states)) == ["recreate container notes"]


def test_it_goes_back_again_to_what_was_deployed_after_it_had_gone_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.edit("notes/service.yml", "upgrade:\n", UPGRADE)
    made = modelled(world, monkeypatch)
    made.build(OLDER)
    made.deploy()
    made.build(NEWER)
    assert made.cloud.upgrade().exit_code == 0
    world.release = OLDER
    assert made.cloud.rollback(1).exit_code == 0
    made.build(OLDER)
    made.deploy()
    (*_, deployed) = made.cloud.revisions().revisions
    assert (deployed.verb, deployed.result) == ("deploy", "done")
    made.build(NEWER)
    assert made.cloud.upgrade().exit_code == 0
    assert "run job notes/forget" in own(made.cloud.plan_against(deployed.number).plan)
