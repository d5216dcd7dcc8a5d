"""Verbs that replace data: who is stopped, what is done again, and what a deploy finds afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from world import World

from kolla.errors import InputError
from kolla.state import explain
from kolla.state.demand import ARGUMENT, told
from kolla.state.desired import DesiredJob
from kolla.state.plan import Impact, JobOperation, Plan
from kolla.state.reconcile import reconcile
from kolla.state.replacement import Asked, replaced

VERBS = """
verbs:
  swap-notes:
    description: Put an older notebook in the place of this one.
    argument: {name: notebook, description: Which one.}
    job:
      container: notes
      command: [notes-manage, swap]
      volumes: {notes_attic: /var/lib/attic}
    replaces: [notes]
    loses: loses what was written since
"""


def with_verb(world: World) -> World:
    line = "    after: [job/db-sync, identity]\n"
    world.edit("notes/service.yml", line, line + VERBS)
    return world


def plan_of(world: World, name: str, service: str, argument: str = "", hosts: tuple[str, ...] = ()) -> Plan:
    """The plan of a verb that replaces data."""
    settings, desired = world.settings, world.desired
    services = {folder.name: folder.service for folder in settings.services}
    states = {host: world.states[host] for host in hosts or world.hosts}

    def named(job_name: str) -> list[DesiredJob]:
        return [told(job, argument) for job in desired.verbs if job.name == job_name]

    jobs, checks = named(f"{service}/verb-{name}"), named(f"{service}/before-{name}")
    asked = Asked(name, services[service].verbs[name], services[service], [*services.values()])
    return replaced(desired, jobs, states, asked, checks)


def test_what_has_the_volume_is_stopped_and_what_was_done_for_its_content_is_done_again(
    deployed: World,
) -> None:
    with_verb(deployed)
    plan = plan_of(deployed, "swap-notes", "notes")
    done_again = "volume notes on one is not the one it was done for"
    assert [(explain.title(o), *o.causes) for o in plan.operations] == [
        ("stop container notes", "kolla swap-notes replaces its data"),
        ("create volume notes_attic", "it does not exist"),
        ("run job notes/verb-swap-notes", "asked for"),
        ("wait for endpoint keystone", "what follows needs its answer"),
        ("wait for endpoint mariadb", "what follows needs its answer"),
        ("run job notes/db-sync", done_again),
        ("start container notes", "it was stopped meanwhile"),
        ("run job notes/welcome", done_again),
    ]
    assert plan.operations[0].impact == Impact(interrupted=("notes",))


def test_afterwards_nothing_is_left_to_do(deployed: World) -> None:
    with_verb(deployed)
    plan = plan_of(deployed, "swap-notes", "notes")
    epoch = deployed.states["one"].volumes["notes"]
    deployed.carry_out(plan)
    assert deployed.states["one"].volumes["notes"] not in (None, epoch)
    assert not reconcile(deployed.desired, deployed.states)


def test_a_second_replacement_is_another_one(deployed: World) -> None:
    with_verb(deployed)
    deployed.carry_out(plan_of(deployed, "swap-notes", "notes"))
    epoch = deployed.states["one"].volumes["notes"]
    deployed.carry_out(plan_of(deployed, "swap-notes", "notes"))
    assert deployed.states["one"].volumes["notes"] != epoch


def test_the_job_renews_no_volume_but_those_it_replaces(deployed: World) -> None:
    with_verb(deployed)
    jobs = [o for o in plan_of(deployed, "swap-notes", "notes").operations if isinstance(o, JobOperation)]
    assert [list(job.renews) for job in jobs if job.job == "notes/verb-swap-notes"] == [["notes"]]
    assert not any(job.renews for job in jobs if job.job != "notes/verb-swap-notes")


def test_what_is_said_to_it_is_in_the_environment_of_its_job(deployed: World) -> None:
    with_verb(deployed)
    operations = plan_of(deployed, "swap-notes", "notes", "of 1984").operations
    (job,) = [o for o in operations if isinstance(o, JobOperation) and not o.record]
    assert job.spec.environment[ARGUMENT] == "of 1984"


def test_a_container_that_does_not_run_is_not_stopped_but_started(deployed: World) -> None:
    with_verb(deployed)
    state = deployed.states["one"]
    ended = state.containers["notes"].model_copy(update={"state": "exited"})
    containers = {**state.containers, "notes": ended}
    deployed.states["one"] = state.model_copy(update={"containers": containers})
    operations = [o.id for o in plan_of(deployed, "swap-notes", "notes").operations]
    assert "stop:notes@one" not in operations
    assert "container:notes@one" in operations


def test_a_limit_that_leaves_somebody_writing_is_refused(tmp_path: Path) -> None:
    world = with_verb(World(tmp_path, hosts=("one", "two")))
    world.carry_out(reconcile(world.desired, world.states))
    with pytest.raises(InputError, match="'swap-notes' stops what uses the data, and --limit leaves out two"):
        plan_of(world, "swap-notes", "notes", hosts=("one",))


def test_to_restore_the_database_its_users_stop_first_and_their_schemas_are_seen_to_again(
    deployed: World,
) -> None:
    plan = plan_of(deployed, "restore", "mariadb", "2026-01-02T03-04-05Z")
    assert [o.id for o in plan.operations] == [
        "volume:mariadb_backup@one",
        "job:mariadb/before-restore@one",
        "stop:keystone@one",
        "stop:notes@one",
        "stop:mariadb@one",
        "job:mariadb/verb-restore@one",
        "job:mariadb/takeover@one",
        "job:mariadb/bootstrap@one",
        "container:mariadb@one",
        "job:mariadb/upgrade@one",
        "endpoint:mariadb@one",
        "job:mariadb/database-keystone@one",
        "job:mariadb/database-notes@one",
        "job:keystone/db-sync@one",
        "job:notes/db-sync@one",
        "container:keystone@one",
        "container:notes@one",
        "job:keystone/bootstrap@one",
        "endpoint:keystone@one",
        "job:keystone/identity-keystone@one",
        "job:keystone/identity-notes@one",
        "job:notes/welcome@one",
    ]
    waits = {operation.id: operation.after for operation in plan.operations}
    # Nothing is stopped before it is known that there is something to restore.
    assert all("job:mariadb/before-restore@one" in waits[id_] for id_ in waits if id_.startswith("stop:"))
    deployed.carry_out(plan)
    assert not reconcile(deployed.desired, deployed.states)
