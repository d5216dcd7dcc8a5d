"""Data that would be left behind when a service moves to another host."""

from __future__ import annotations

from pathlib import Path

import pytest
from world import World

from kolla.errors import InputError, InputErrors
from kolla.state.revision_diff import differences


@pytest.fixture
def two(tmp_path: Path) -> World:
    """Two hosts, the database on the first of them."""
    world = World(tmp_path, ("one", "two"))
    world.groups |= {"mariadb": ["one"], "keystone": ["one"], "notes": ["one"]}
    world.carry_out(world.plan())
    return world


def refusal(world: World) -> str:
    with pytest.raises((InputError, InputErrors)) as error:
        world.plan()
    return str(error.value)


def test_a_database_does_not_start_empty_on_another_host(two: World) -> None:
    two.groups["mariadb"] = ["two"]
    said = refusal(two)
    assert "volume 'mariadb' would be empty on host 'two'" in said
    assert "its data is on host 'one'" in said
    assert "empty_volumes: [mariadb]" in said


def test_all_volumes_are_named_at_once(two: World) -> None:
    two.groups["keystone"] = ["two"]
    said = refusal(two)
    assert "keystone_fernet_tokens" in said
    assert "keystone_credential_keys" in said
    assert "kolla_logs" not in said


def test_an_empty_start_can_be_confirmed(two: World) -> None:
    two.groups["mariadb"] = ["two"]
    two.globals["empty_volumes"] = ["mariadb"]
    ids = [operation.id for operation in two.plan().operations]
    assert "volume:mariadb@two" in ids
    assert "remove:mariadb@one" in ids


def test_a_volume_that_no_service_has_cannot_be_confirmed(two: World) -> None:
    two.globals["empty_volumes"] = ["mariadbb"]
    with pytest.raises((InputError, InputErrors), match="no service has a volume 'mariadbb'"):
        two.plan()


def test_other_services_are_not_kept_from_a_change_of_theirs(two: World) -> None:
    two.groups["mariadb"] = ["two"]
    assert not two.plan(services=frozenset({"memcached"}))


def test_where_one_of_several_hosts_stays_each_has_its_own(tmp_path: Path) -> None:
    world = World(tmp_path, ("one", "two", "three"))
    world.groups["notes"] = ["one", "two"]
    world.carry_out(world.plan())
    world.groups["notes"] = ["two", "three"]
    assert "volume:notes@three" in [operation.id for operation in world.plan().operations]
    world.carry_out(world.plan())
    world.groups["notes"] = ["one"]
    assert "remove:notes@three" in [operation.id for operation in world.plan().operations], (
        "its volume is there"
    )


def test_where_none_stays_the_data_would_be_left(tmp_path: Path) -> None:
    world = World(tmp_path, ("one", "two", "three"))
    world.groups["notes"] = ["one", "two"]
    world.carry_out(world.plan())
    world.groups["notes"] = ["three"]
    assert "its data is on hosts 'one', 'two'" in refusal(world)


def test_a_host_that_was_not_asked_is_taken_to_have_it(tmp_path: Path) -> None:
    world = World(tmp_path, ("one", "two", "three"))
    world.groups["notes"] = ["one", "two"]
    world.carry_out(world.plan())
    world.groups["notes"] = ["two", "three"]
    world.states.pop("two")
    assert world.plan()


def test_revisions_are_compared_whatever_moved(two: World) -> None:
    before = two.desired
    two.groups["mariadb"] = ["two"]
    found = {(d.host, d.subject, d.what) for d in differences(before, two.desired)}
    assert ("one", "container mariadb", "removed") in found
