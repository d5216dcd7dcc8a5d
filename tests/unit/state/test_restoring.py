"""Going back from an upgrade where services cannot work with the data there is: docs/rollback.md."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from cloud import Modelled, modelled
from world import World

from kolla.errors import InputError
from kolla.state import explain, rollback
from kolla.state.changes import ReleaseChange
from kolla.state.plan import JobOperation, Plan

OLDER, NEWER = "2025.2", "2026.1"
BACKUP = "2026-11-29T03-17-31Z"
UNSAFE = "    2025.2 -> 2026.1: {safe: false, because: It writes pages the older one cannot read.}"


@pytest.fixture
def older(world: World, monkeypatch: pytest.MonkeyPatch) -> Modelled:
    """A cloud of the older release, revision 1, with a service that cannot go back with its data."""
    safe = "    2025.2 -> 2026.1: {safe: true, because: The schema is the same.}"
    world.edit("notes/service.yml", safe, UNSAFE)
    made = modelled(world, monkeypatch)
    made.build(OLDER)
    made.deploy()
    made.build(NEWER)
    made.hosts.applied.clear()
    backs_up(made, BACKUP)
    return made


def backs_up(cloud: Modelled, name: str) -> None:
    said = {"message": "made", "backup": {"name": name}, "removed": []}
    cloud.hosts.says["job:mariadb/verb-backup@one"] = json.dumps(said)


@pytest.fixture
def newer(older: Modelled) -> Modelled:
    """The same cloud after the upgrade, revision 2, which is not finished."""
    assert older.cloud.upgrade().exit_code == 0
    older.hosts.applied.clear()
    return older


def go_back(cloud: Modelled, number: int = 1) -> int:
    """The way back with the backup, as it is done on hosts that run images of then; its exit code."""
    cloud.world.release = OLDER
    return cloud.cloud.rollback(number, restore=True).exit_code


def results(cloud: Modelled) -> list[tuple[str, str, int | None]]:
    return [(r.verb, r.result, r.restores) for r in cloud.cloud.revisions().revisions]


def ids(plan: Plan) -> list[str]:
    return [operation.id for operation in plan.operations]


def test_an_upgrade_keeps_the_name_of_the_backup_it_made(newer: Modelled) -> None:
    (backup,) = newer.cloud.revisions().revisions[-1].backups
    assert (backup.job, backup.name, backup.settled) == ("mariadb/verb-backup", BACKUP, True)
    assert backup.change == ReleaseChange(before=OLDER, after=NEWER)


def test_the_plan_says_which_backup_for_whom_and_what_that_loses(newer: Modelled) -> None:
    text = newer.cloud.plan_against(1).text()
    flat = " ".join(text.split())
    assert f"! restores the backup {BACKUP}, which revision 2 made" in text
    assert "notes cannot go back without it: It writes pages the older one cannot read." in text
    assert "back to what was in it goes the data of mariadb, keystone, notes" in text
    assert (
        "this loses everything written to the database since the backup was made: servers, networks" in flat
    )


def test_it_looks_first_then_stops_users_restores_and_swaps_and_runs_no_schema_job(newer: Modelled) -> None:
    plan = newer.cloud.plan_against(1).plan
    assert ids(plan) == [
        "job:mariadb/before-restore@one",
        "job:rabbitmq/takeover@one",
        "stop:keystone@one",
        "stop:notes@one",
        "stop:mariadb@one",
        "job:mariadb/verb-restore@one",
        "job:mariadb/takeover@one",
        "container:mariadb@one",
        "container:haproxy@one",
        "container:keystone@one",
        "container:kolla-toolbox@one",
        "container:memcached@one",
        "container:notes@one",
        "container:rabbitmq@one",
        "release:upgrade@one",
    ]
    by_id = {operation.id: operation for operation in plan.operations}
    restore = by_id["job:mariadb/verb-restore@one"]
    assert isinstance(restore, JobOperation)
    assert restore.spec.environment["KOLLA_ARGUMENT"] == BACKUP
    assert restore.spec.image == f"sha256:{OLDER}-mariadb"
    assert set(restore.after) >= {"stop:mariadb@one", "stop:keystone@one", "job:rabbitmq/takeover@one"}
    looks = {"job:mariadb/before-restore@one", "job:rabbitmq/takeover@one"}
    assert looks <= set(by_id["stop:keystone@one"].after)
    assert {"container:mariadb@one"} <= set(by_id["container:notes@one"].after)
    assert plan.stop_at_failure


def test_what_is_stopped_is_told_once(newer: Modelled) -> None:
    plan = newer.cloud.plan_against(1).plan
    impacts = {o.id: o.impact.interrupted for o in plan.operations if o.impact.interrupted}
    assert impacts["stop:notes@one"] == ("notes",)
    assert not impacts.keys() & {"container:notes@one", "container:keystone@one", "container:mariadb@one"}


def test_nothing_is_restored_unless_somebody_said_so(newer: Modelled) -> None:
    with pytest.raises(InputError) as caught:
        newer.cloud.rollback(1)
    assert f"going back restores the backup {BACKUP}, which loses everything written" in str(caught.value)
    assert "if you mean it, add --restore" in str(caught.value)
    assert newer.hosts.applied == []


def test_afterwards_the_upgrade_is_undone_and_can_begin_anew(newer: Modelled) -> None:
    assert go_back(newer) == 0
    assert results(newer)[-1] == ("rollback", "done", 1)
    assert newer.world.states["one"].upgrade is None
    assert not newer.cloud.plan_against(1).plan
    newer.build(NEWER)
    backs_up(newer, "2026-11-30T00-00-00Z")
    assert newer.cloud.upgrade().exit_code == 0
    (restores,) = newer.cloud.plan_against(1).plan.restores
    assert (restores.revision, restores.backup) == (4, "2026-11-30T00-00-00Z")


def test_one_that_was_cut_off_after_the_restore_does_not_restore_again(newer: Modelled) -> None:
    newer.hosts.failing.add("container:keystone@one")
    assert go_back(newer) == 1
    newer.hosts.failing.clear()
    plan = newer.cloud.plan_against(1).plan
    assert plan.restores == ()
    assert not any(id_.startswith(("job:", "stop:")) for id_ in ids(plan))
    assert ids(plan)[-1] == "release:upgrade@one"
    assert newer.cloud.rollback(1).exit_code == 0
    assert newer.world.states["one"].upgrade is None


def test_one_that_fails_says_that_what_was_stopped_stays_so(newer: Modelled) -> None:
    newer.hosts.failing.add("job:mariadb/verb-restore@one")
    newer.world.release = OLDER
    done = newer.cloud.rollback(1, restore=True)
    assert done.exit_code == 1
    assert "what was stopped stays so. Mend the cause, then go back again: kolla rollback 1" in done.text()
    assert [each.backup for each in newer.cloud.plan_against(1).plan.restores] == [BACKUP]


def test_the_backup_is_that_of_the_upgrade_even_when_it_had_to_be_run_again(older: Modelled) -> None:
    older.hosts.failing.add("container:notes@one")
    assert older.cloud.upgrade().exit_code == 1
    older.hosts.failing.clear()
    backs_up(older, "never made")
    assert older.cloud.upgrade().exit_code == 0
    (restores,) = older.cloud.plan_against(1).plan.restores
    assert (restores.revision, restores.backup) == (2, BACKUP)


def test_schemas_of_an_earlier_try_stay_on_record(older: Modelled) -> None:
    older.hosts.failing.add("container:haproxy@one")
    assert older.cloud.upgrade().exit_code == 1  # nothing of the newer release runs, schemas may be expanded
    older.hosts.failing.clear()
    backs_up(older, "second")
    assert older.cloud.upgrade().exit_code == 0
    (restores,) = older.cloud.plan_against(1).plan.restores
    assert restores.backup == "second"
    assert go_back(older) == 0
    assert older.world.states["one"].upgrade == ReleaseChange(before=OLDER, after=NEWER)
    assert not older.cloud.plan_against(1).plan


@pytest.mark.parametrize("begun_only", [True, False])
def test_an_upgrade_that_was_finished_can_be_gone_back_from_with_its_backup(
    newer: Modelled, begun_only: bool
) -> None:
    if begun_only:
        newer.hosts.failing.add("release:upgrade@one")
    assert newer.cloud.upgrade(finish=True).exit_code == int(begun_only)
    newer.hosts.failing.clear()
    (restores,) = newer.cloud.plan_against(1).plan.restores
    why = "revision 3 began to end the upgrade" if begun_only else "the upgrade 2025.2 -> 2026.1 was finished"
    assert restores.reasons.keys() == {"keystone", "notes"}
    assert restores.reasons["keystone"].startswith(why)
    assert go_back(newer) == 0
    assert newer.world.states["one"].upgrade is None


def test_without_a_backup_it_is_refused(older: Modelled) -> None:
    older.hosts.says.clear()
    assert older.cloud.upgrade().exit_code == 0
    with pytest.raises(InputError, match=r"there is no way back from 2026\.1 to 2025\.2 without a rest"):
        older.cloud.rollback(1, restore=True)


def test_a_service_whose_data_is_in_no_backup_is_refused(newer: Modelled) -> None:
    store = newer.cloud._revisions
    target = store.desired(1)
    (restore,) = target.restores
    states = newer.world.states
    folders = newer.cloud.configuration.catalogue.folders.values()
    elsewhere = replace(target, restores=(replace(restore, services=("mariadb", "keystone")),))
    with pytest.raises(InputError, match="notes: It writes pages"):
        rollback.way_back(1, elsewhere, states, folders, store.all())


def test_part_of_a_cloud_does_not_go_back_with_a_backup(newer: Modelled) -> None:
    object.__setattr__(newer.cloud.configuration, "tags", ("notes",))
    with pytest.raises(InputError, match="a backup is of the whole cloud"):
        newer.cloud.plan_against(1)


def test_what_came_later_and_goes_says_what_that_interrupts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = modelled(world, monkeypatch)
    world.globals["enable_notes"] = False
    cloud.build(NEWER)
    cloud.deploy()
    world.globals["enable_notes"] = True
    again = modelled(world, monkeypatch)
    again.deploy()
    text = explain.text(again.cloud.plan_against(1).plan)
    assert "endpoint notes is gone: no other host serves it" in text
