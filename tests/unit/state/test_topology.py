from __future__ import annotations

from pathlib import Path

import pytest
from world import World

from kolla.errors import InputError
from kolla.state.topology import Topology


def refusal(world: World) -> str:
    with pytest.raises(InputError) as caught:
        _ = world.desired
    return str(caught.value)


def test_two_endpoints_on_one_port_of_the_settings(world: World) -> None:
    world.globals["notes_port"] = 5000
    said = refusal(world)
    assert "notes/service.yml:32: endpoints 'keystone' and 'notes' would both listen on 10.0.0." in said
    assert "another port" in said


def test_a_port_of_another_host_is_free(tmp_path: Path) -> None:
    world = World(tmp_path, ["one", "two"])
    world.groups = {"control": ["one"], "notes": ["two"]}
    world.globals |= {"enable_haproxy": False, "notes_port": 5000}
    endpoints = Topology(world.settings, world.facts).endpoints
    assert endpoints["notes"].port == endpoints["keystone"].port == 5000


def test_a_port_that_is_none(world: World) -> None:
    world.edit("notes/service.yml", 'port: "{{ notes_port }}"', 'port: "{{ notes_greeting }}"')
    assert "notes/service.yml:32: 'Hello' is no port" in refusal(world)


def test_a_switch_without_braces(world: World) -> None:
    world.edit(
        "notes/service.yml", "    command: notes-api\n", "    command: notes-api\n    when: notes_on\n"
    )
    said = refusal(world)
    assert "notes/service.yml:41: 'when' is the text 'notes_on'" in said
    assert "true or false" in said


def test_a_switch_that_is_off(world: World) -> None:
    world.edit(
        "notes/service.yml", "    command: notes-api\n", "    command: notes-api\n    when: '{{ 1 > 2 }}'\n"
    )
    folder = next(f for f in world.settings.services if f.name == "notes")
    assert Topology(world.settings, world.facts).hosts_of(folder, "notes") == ()
