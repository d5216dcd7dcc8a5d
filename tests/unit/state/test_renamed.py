"""Containers and volumes that a new version of the catalogue renames."""

from __future__ import annotations

from pathlib import Path

import pytest
from world import World

from kolla.errors import InputError, InputErrors
from kolla.state import explain
from kolla.state.plan import ContainerOperation, JobOperation, Plan, RemoveOperation, VolumeOperation
from kolla.state.reconcile import reconcile


def rename_container(world: World, *, formerly: str = "    formerly: [notes]\n") -> None:
    service = "notes/service.yml"
    world.edit(service, "  notes:\n    command", f"  notebook:\n    image: notes\n{formerly}    command")
    world.edit(service, "container: notes\n    port", "container: notebook\n    port")
    world.edit(
        service,
        "container: notes\n    command: [notes-manage, db",
        "container: notebook\n    command: [notes-manage, db",
    )
    world.edit(
        service,
        "container: notes\n    command: [notes-manage, w",
        "container: notebook\n    command: [notes-manage, w",
    )


def rename_volume(world: World) -> None:
    world.edit("notes/service.yml", "{notes: /var/lib/notes}", "{notes_data: /var/lib/notes}")
    world.edit("notes/service.yml", "databases: [notes]", "databases: [notes]\nformerly: {notes_data: notes}")


def container(made: Plan, name: str) -> ContainerOperation:
    found = [o for o in made.operations if isinstance(o, ContainerOperation) and o.spec.name == name]
    assert len(found) == 1
    return found[0]


def volumes(made: Plan) -> list[VolumeOperation]:
    return [operation for operation in made.operations if isinstance(operation, VolumeOperation)]


def test_the_one_of_the_earlier_name_makes_way(deployed: World) -> None:
    rename_container(deployed)
    made = deployed.plan()
    operation = container(made, "notebook")
    assert (operation.action, operation.replaces, operation.generation) == ("adopt", ("notes",), 2)
    assert operation.causes == ("takes the place of container notes, as it was called",)
    assert operation.impact.interrupted == ("notes",)
    assert not [o for o in made.operations if isinstance(o, RemoveOperation)]
    deployed.carry_out(made)
    assert not deployed.plan()


def test_a_new_container_waits_for_those_of_its_service_that_go(deployed: World) -> None:
    rename_container(deployed, formerly="")
    made = deployed.plan()
    assert container(made, "notebook").action == "create"
    assert "remove:notes@one" in container(made, "notebook").after


def test_the_content_of_a_renamed_volume_is_copied_while_nothing_uses_it(deployed: World) -> None:
    rename_volume(deployed)
    epoch = deployed.states["one"].volumes["notes"]
    made = deployed.plan()
    (operation,) = volumes(made)
    assert (operation.volume, operation.source, operation.epoch) == ("notes_data", "notes", epoch)
    assert operation.stops == ("notes",)
    assert operation.impact.interrupted == ("notes",)
    assert explain.title(operation) == "copy volume notes to notes_data"
    assert "volume:notes_data@one" in container(made, "notes").after
    assert not [o for o in made.operations if isinstance(o, JobOperation)], "it is the same data"
    deployed.carry_out(made)
    assert not deployed.plan()
    assert deployed.states["one"].volumes["notes"] == epoch, "the earlier one stays"


def test_volumes_of_several_hosts_are_copied_one_host_at_a_time(tmp_path: Path) -> None:
    world = World(tmp_path, ("one", "two", "three"))
    world.carry_out(world.plan())
    rename_volume(world)
    made = world.plan()
    after = {operation.host: operation.after for operation in volumes(made)}
    assert "container:notes@one" in after["two"]
    assert "container:notes@two" in after["three"]
    assert {operation.impact.interrupted for operation in volumes(made)} == {()}
    world.carry_out(made)
    assert not world.plan()


def test_images_come_before_anything_is_stopped(deployed: World) -> None:
    rename_volume(deployed)
    deployed.image_ids["notes"] = "sha256:other"
    (operation,) = volumes(deployed.plan())
    assert "image:notes@one" in operation.after


def test_container_and_volume_may_be_renamed_at_once(deployed: World) -> None:
    rename_container(deployed)
    rename_volume(deployed)
    made = deployed.plan()
    (operation,) = volumes(made)
    assert operation.stops == ("notes",)
    assert "volume:notes_data@one" in container(made, "notebook").after
    deployed.carry_out(made)
    assert not deployed.plan()


def test_where_there_is_no_earlier_volume_an_empty_one_is_made(world: World) -> None:
    rename_volume(world)
    assert {operation.source for operation in volumes(world.plan())} == {""}


def test_a_copy_that_was_not_finished_is_made_again(deployed: World) -> None:
    rename_volume(deployed)
    state = deployed.states["one"]
    deployed.states["one"] = state.model_copy(update={"volumes": {**state.volumes, "notes_data": None}})
    assert [operation.source for operation in volumes(deployed.plan())] == ["notes"]


def test_a_change_that_was_cut_short_after_the_copy_goes_on(deployed: World) -> None:
    rename_volume(deployed)
    made = deployed.plan()
    deployed.carry_out(made.model_copy(update={"operations": tuple(volumes(made))}))
    state = deployed.states["one"]
    stopped = state.containers["notes"].model_copy(update={"state": "exited"})
    containers = {**state.containers, "notes": stopped}
    deployed.states["one"] = state.model_copy(update={"containers": containers})
    made = deployed.plan()
    assert not volumes(made)
    assert container(made, "notes").action == "recreate"


def test_two_contents_are_told_before_one_is_taken(deployed: World) -> None:
    """Somebody went back by hand: the earlier volume has been written to since."""
    before = deployed.states["one"]
    rename_volume(deployed)
    deployed.carry_out(deployed.plan())
    copied = deployed.states["one"]
    deployed.states["one"] = copied.model_copy(update={"containers": before.containers})
    with pytest.raises((InputError, InputErrors)) as error:
        deployed.plan()
    assert "volumes 'notes' and 'notes_data' on host 'one' both hold data" in str(error.value)


def test_going_back_does_not_leave_what_was_written_since(deployed: World) -> None:
    earlier = deployed.desired
    rename_volume(deployed)
    deployed.carry_out(deployed.plan())
    with pytest.raises((InputError, InputErrors)) as error:
        reconcile(earlier, deployed.states)
    assert "volumes 'notes' and 'notes_data' on host 'one' both hold data" in str(error.value)
