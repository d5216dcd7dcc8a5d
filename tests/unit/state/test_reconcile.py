"""Plans: what is to be done on hosts, in which order and why, from how they should be and how they are."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World

from kolla.state import explain
from kolla.state.host_state import HostState
from kolla.state.plan import Impact

Damage = Callable[[HostState, int], dict[str, Any]]
"""What of a host's state is otherwise afterwards; the number chooses."""


def test_an_empty_host_gets_everything_in_order(world: World) -> None:
    assert (
        explain.text(world.plan())
        == """\
Plan for cloud 'kolla': 36 operations on 1 host

one
  + get image haproxy                            the host does not have it
  + get image keystone                           the host does not have it
  + get image kolla-toolbox                      the host does not have it
  + get image mariadb                            the host does not have it
  + get image memcached                          the host does not have it
  + get image notes                              the host does not have it
  + get image rabbitmq                           the host does not have it
  + create volume keystone_credential_keys       it does not exist
  + create volume keystone_fernet_tokens         it does not exist
  + create volume kolla_logs                     it does not exist
  + create volume mariadb                        it does not exist
  + create volume notes                          it does not exist
  + create volume rabbitmq                       it does not exist
  + create container haproxy                     it does not exist
  + create container kolla-toolbox               it does not exist
  + create container memcached                   it does not exist
  > run job keystone/seed-keys
      it has not been done (puts the keys for tokens and credentials into their volumes)
  > run job mariadb/takeover
      it has not been done (sees whether this version may have the data of the one before)
  > run job rabbitmq/takeover
      it has not been done (sees whether this version may have the data of the one before)
  + create container rabbitmq                    it does not exist
  > run job mariadb/bootstrap
      it has not been done (makes an empty server's own tables and users)
  + create container mariadb                     it does not exist
  > run job rabbitmq/members
      it has not been done (has a new member take part in all queues, and those that are gone
        forgotten)
  > run job mariadb/upgrade                      it has not been done
  ? wait for endpoint mariadb                    what follows needs its answer
  > run job mariadb/database-keystone
      it has not been done (makes the database and its user)
  > run job mariadb/database-notes
      it has not been done (makes the database and its user)
  > run job keystone/db-sync                     it has not been done (makes and updates its tables)
  > run job notes/db-sync                        it has not been done
  + create container keystone                    it does not exist
  + create container notes                       it does not exist
  > run job keystone/bootstrap
      it has not been done (makes the administrator, the region and the roles)
  ? wait for endpoint keystone                   what follows needs its answer
  > run job keystone/identity-keystone
      it has not been done (registers the service, its user and its endpoints)
  > run job keystone/identity-notes
      it has not been done (registers the service, its user and its endpoints)
  > run job notes/welcome                        it has not been done

36 operations on 1 host.
Endpoints interrupted: none.
Running servers and their networks: not touched."""
    )


def test_a_deployed_host_needs_nothing(deployed: World) -> None:
    assert not deployed.plan()
    assert explain.text(deployed.plan()) == "Nothing to do: cloud 'kolla' is as its settings say."


def test_plans_are_deterministic(world: World) -> None:
    assert world.plan().model_dump_json() == world.plan().model_dump_json()


def test_one_override_names_file_key_layer_and_one_container(deployed: World) -> None:
    deployed.override("keystone.conf", "[token]\nexpiration = 7200\n")
    assert (
        explain.text(deployed.plan())
        == """\
Plan for cloud 'kolla': 1 operation on 1 host

one
  ~ restart container keystone
      keystone.conf: [token] expiration 3600 -> 7200, set by config/keystone.conf
      impact: endpoint keystone is interrupted: no other host serves meanwhile

1 operation on 1 host.
Endpoints interrupted: keystone.
Their users, whose requests may fail meanwhile: notes, toolbox.
Running servers and their networks: not touched."""
    )


def test_a_removed_override_is_a_change_too(deployed: World) -> None:
    deployed.override("keystone.conf", "[token]\nexpiration = 7200\n")
    deployed.carry_out(deployed.plan())
    (deployed.directory / "config" / "keystone.conf").unlink()
    causes = deployed.plan().operations[0].causes
    assert causes == (
        "keystone.conf: [token] expiration 7200 -> 3600, "
        "set by template keystone.conf.j2 from keystone_token_expiration (its default)",
    )


def test_secrets_are_masked_in_causes(deployed: World) -> None:
    passwords = deployed.directory / "passwords.yml"
    secret = deployed.settings.passwords["keystone_database_password"].reveal()
    passwords.write_text(passwords.read_text().replace(secret, "correct-horse-battery"))
    text = explain.text(deployed.plan())
    assert "keystone.conf: [database] connection *** -> ***" in text
    assert secret not in text
    assert "correct-horse-battery" not in text


def test_no_secret_is_in_a_serialised_plan(world: World) -> None:
    serialised = world.plan().model_dump_json()
    for password in world.settings.passwords.values():
        assert password.reveal() not in serialised


def test_those_that_are_waited_for_are_waited_for_at_once(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=("one", "two"))
    world.carry_out(world.plan())
    for host in world.states:
        world.change_container("memcached", host, ready=False)
    assert [operation.after for operation in world.plan().operations] == [(), ()]


def test_a_new_image_replaces_its_container_and_repeats_its_jobs(deployed: World) -> None:
    deployed.image_ids["keystone"] = "sha256:newer"
    titles = [explain.title(operation) for operation in deployed.plan().operations]
    assert titles == [
        "get image keystone",
        "wait for endpoint mariadb",
        "run job keystone/db-sync",
        "run job keystone/seed-keys",
        "recreate container keystone",
        "run job keystone/bootstrap",
    ]
    recreate = deployed.plan().operations[4]
    assert recreate.causes == ("image keystone -> newer",)


def test_an_empty_database_volume_repeats_the_jobs_that_lived_in_it(deployed: World) -> None:
    state = deployed.states["one"]
    before = state.volumes["mariadb"]
    volumes = {name: epoch for name, epoch in state.volumes.items() if name != "mariadb"}
    containers = {name: c for name, c in state.containers.items() if name != "mariadb"}
    deployed.states["one"] = state.model_copy(update={"volumes": volumes, "containers": containers})
    operations = deployed.plan().operations
    titles = [explain.title(operation) for operation in operations]
    assert titles == [
        "create volume mariadb",
        "wait for endpoint keystone",
        "run job mariadb/takeover",
        "run job mariadb/bootstrap",
        "create container mariadb",
        "run job mariadb/upgrade",
        "wait for endpoint mariadb",
        "run job mariadb/database-keystone",
        "run job mariadb/database-notes",
        "run job keystone/db-sync",
        "run job notes/db-sync",
        "run job keystone/bootstrap",
        "run job keystone/identity-keystone",
        "run job keystone/identity-notes",
        "run job notes/welcome",
    ]
    deployed.carry_out(deployed.plan())
    assert deployed.states["one"].volumes["mariadb"] != before
    assert not deployed.plan()


def test_a_disabled_service_goes_and_its_volumes_stay(deployed: World) -> None:
    deployed.globals["enable_notes"] = False
    titles = [explain.title(operation) for operation in deployed.plan().operations]
    assert titles == ["remove container notes", "reload container haproxy"]
    deployed.carry_out(deployed.plan())
    assert "notes" in deployed.states["one"].volumes


def test_tags_narrow_the_plan_to_services(world: World) -> None:
    services = {operation.service for operation in world.plan(services={"memcached"}).operations}
    assert services == {"memcached", "host"}


def test_hosts_that_were_not_asked_are_left_alone(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=("one", "two"))
    del world.states["two"]
    assert {operation.host for operation in world.plan().operations} == {"one"}


def test_a_job_is_not_repeated_because_its_volumes_host_was_not_asked(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=("one", "two"))
    world.groups = {"control": ("one",), "mariadb": ("two",)}
    world.carry_out(world.plan())
    assert not world.plan()
    del world.states["two"]
    assert not world.plan()


def test_a_job_done_without_knowing_its_volume_is_repeated_once_it_is_known(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=("one", "two"))
    world.groups = {"control": ("one",), "mariadb": ("two",)}
    world.carry_out(world.plan())
    one, two = world.states["one"], world.states.pop("two")
    jobs = {name: record for name, record in one.jobs.items() if name != "keystone/db-sync"}
    world.states["one"] = one.model_copy(update={"jobs": jobs})
    world.carry_out(world.plan())
    assert not world.plan()
    world.states["two"] = two
    assert [o.id for o in world.plan().operations if o.kind == "job"] == ["job:keystone/db-sync@one"]


def test_a_container_on_several_hosts_is_restarted_one_host_at_a_time(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=("one", "two", "three"))
    world.carry_out(world.plan())
    world.override("keystone.conf", "[token]\nexpiration = 7200\n")
    operations = world.plan().operations
    assert [(o.id, o.after) for o in operations] == [
        ("container:keystone@one", ()),
        ("container:keystone@two", ("container:keystone@one",)),
        ("container:keystone@three", ("container:keystone@two",)),
    ]
    assert operations[0].impact == Impact(served_by_others=("keystone",))


def container(**changes: Any) -> Damage:
    """One of the containers is otherwise."""

    def damage(state: HostState, number: int) -> dict[str, Any]:
        name = pick(state.containers, number)
        return {"containers": {**state.containers, name: state.containers[name].model_copy(update=changes)}}

    return damage


def another_network(state: HostState, number: int) -> dict[str, Any]:
    spec = state.containers[pick(state.containers, number)].spec
    return container(spec={**spec, "network": "bridge"})(state, number)


def empty_folder(state: HostState, number: int) -> dict[str, Any]:
    return {"folders": {**state.folders, pick(state.folders, number): {}}}


def lost(part: str, name: str = "") -> Damage:
    """One of the host's containers, jobs or volumes is gone."""

    def damage(state: HostState, number: int) -> dict[str, Any]:
        there = getattr(state, part)
        return {part: {key: there[key] for key in there if key != (name or pick(there, number))}}

    return damage


def pick(names: Iterable[str], number: int) -> str:
    ordered = sorted(names)
    return ordered[number % len(ordered)]


DAMAGE: Mapping[str, Damage] = {
    "removed": lost("containers"),
    "stopped": container(state="exited"),
    "started again": container(ready=False),
    "run otherwise": another_network,
    "taken otherwise": container(taken="0"),
    "job not done": lost("jobs"),
    "no volume": lost("volumes", "mariadb"),
    "no files": empty_folder,
}
NEW_IMAGE = "new image"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from([*DAMAGE, NEW_IMAGE]), st.integers(0, 100)), min_size=1, max_size=4)
)
def test_any_damage_is_found_and_one_deploy_repairs_it(
    deployed: World, damage: list[tuple[str, int]]
) -> None:
    undamaged = dict(deployed.states)
    for kind, number in damage:
        if kind == NEW_IMAGE:
            deployed.image_ids["keystone"] = f"sha256:{number}"
        else:
            state = deployed.states["one"]
            deployed.states["one"] = state.model_copy(update=DAMAGE[kind](state, number))
    found = deployed.plan()
    assert found
    deployed.carry_out(found)
    assert not deployed.plan()
    deployed.states, deployed.image_ids = undamaged, {}


@pytest.mark.parametrize("seed", range(5))
def test_what_is_deleted_from_a_plan_is_exactly_what_is_still_to_do(world: World, seed: int) -> None:
    full = world.plan()
    effective = [o for o in full.operations if o.kind in ("job", "container")]
    gone = random.Random(seed).choice(effective)
    world.carry_out(full.model_copy(update={"operations": tuple(o for o in full.operations if o != gone)}))
    left = [o.id for o in world.plan().operations if o.kind != "endpoint"]
    assert left == [gone.id]
