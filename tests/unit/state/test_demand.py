from __future__ import annotations

from pathlib import Path

import pytest
from world import World

from kolla.errors import InputError
from kolla.state.demand import demanded
from kolla.state.desired import Desired, DesiredJob
from kolla.state.plan import JobOperation

VERBS = """
verbs:
  jot:
    description: Write a note.
    job: {container: notes, command: [notes-manage, jot], after: [job/db-sync], timeout: 900}
  dust:
    description: Dust every shelf.
    job: {container: notes, command: [notes-manage, dust], each_host: true}
checks:
  greeting:
    description: A note can be read.
    job: {container: notes, command: [notes-manage, greet], after: [database]}
"""


def with_verbs(world: World) -> World:
    line = "    after: [job/db-sync, identity]\n"
    world.edit("notes/service.yml", line, line + VERBS)
    return world


def of_notes(desired: Desired) -> list[DesiredJob]:
    return [job for job in desired.verbs if job.service == "notes"]


def test_what_is_asked_for_leaves_no_record_and_waits_for_nothing(deployed: World) -> None:
    desired = with_verbs(deployed).desired
    jobs = [job for job in desired.verbs if job.name == "notes/verb-jot"]
    assert jobs[0].description == "Write a note."
    (operation,) = demanded(desired, jobs, deployed.states).operations
    assert isinstance(operation, JobOperation)
    assert (operation.record, operation.after, operation.timeout) == (False, (), 900)
    assert operation.folder.files and operation.causes == ("asked for",)
    assert {file.sha256 for file in operation.folder.files} <= set(desired.bundle())


def test_checks_are_asked_for_alike(deployed: World) -> None:
    desired = with_verbs(deployed).desired
    plan = demanded(desired, [c for c in desired.checks if c.service == "notes"], deployed.states)
    assert [(o.id, o.after) for o in plan.operations] == [("job:notes/check-greeting@one", ())]


def test_a_host_that_lacks_the_image_gets_it_first(world: World) -> None:
    desired = with_verbs(world).desired
    plan = demanded(desired, of_notes(desired), world.states)
    assert [o.id for o in plan.operations] == [
        "image:notes@one",
        "job:notes/verb-dust@one",
        "job:notes/verb-jot@one",
    ]
    assert all(o.after == ("image:notes@one",) for o in plan.operations if o.kind == "job")


def test_each_host_does_it_unless_it_is_left_out(tmp_path: Path) -> None:
    world = with_verbs(World(tmp_path, hosts=("one", "two")))
    desired = world.desired
    hosts = [o.host for o in demanded(desired, of_notes(desired), world.states).operations if o.kind == "job"]
    assert hosts == ["one", "one", "two"]
    limited = demanded(desired, of_notes(desired), {"two": world.states["two"]})
    assert [o.id for o in limited.operations] == ["image:notes@two", "job:notes/verb-dust@two"]


def test_a_verb_is_no_part_of_a_deploy(deployed: World) -> None:
    from kolla.state.reconcile import reconcile

    with_verbs(deployed)
    assert not reconcile(deployed.desired, deployed.states)


def test_an_expression_of_a_verb_names_its_line(world: World) -> None:
    line = "    after: [job/db-sync, identity]\n"
    verb = VERBS.replace("notes-manage, jot", '"{{ nots_port }}"')
    path = world.edit("notes/service.yml", line, line + verb)
    number = path.read_text().splitlines().index(next(x for x in verb.splitlines() if "nots_port" in x)) + 1
    with pytest.raises(InputError, match=f"notes/service.yml:{number}: the variable 'nots_port'"):
        _ = world.desired


def test_a_backup_is_made_by_the_programs_of_the_server_that_runs(deployed: World) -> None:
    deployed.image_ids["mariadb"] = "sha256:newer"
    desired = deployed.desired
    backup = [job for job in desired.verbs if job.name == "mariadb/verb-backup"]
    operations = demanded(desired, backup, deployed.states).operations
    assert [o.id for o in operations] == ["volume:mariadb_backup@one", "job:mariadb/verb-backup@one"]
    job = operations[1]
    assert isinstance(job, JobOperation)
    assert job.spec.image == "sha256:mariadb"
