from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World

from kolla.secret import Secret
from kolla.state import explain
from kolla.state.host_state import ObservedFile
from kolla.state.plan import ContainerOperation, Impact, Plan
from kolla.state.reconcile import reconcile


def plan(world: World, **options: Any) -> Plan:
    return reconcile(world.desired, world.states, **options)


def change_container(world: World, name: str, host: str = "one", **changes: Any) -> None:
    state = world.states[host]
    container = state.containers[name].model_copy(update=changes)
    containers = {**state.containers, name: container}
    world.states[host] = state.model_copy(update={"containers": containers})


def change_file(world: World, folder: str, name: str, **changes: Any) -> None:
    state = world.states["one"]
    files = {**state.folders[folder], name: state.folders[folder][name].model_copy(update=changes)}
    world.states["one"] = state.model_copy(update={"folders": {**state.folders, folder: files}})


def test_an_empty_host_gets_everything_in_order(world: World) -> None:
    assert (
        explain.text(plan(world))
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
    assert not plan(deployed)
    assert explain.text(plan(deployed)) == "Nothing to do: cloud 'kolla' is as its settings say."


def test_plans_are_deterministic(world: World) -> None:
    assert plan(world).model_dump_json() == plan(world).model_dump_json()


def test_one_override_names_file_key_layer_and_one_container(deployed: World) -> None:
    deployed.override("keystone.conf", "[token]\nexpiration = 7200\n")
    assert (
        explain.text(plan(deployed))
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
    deployed.carry_out(plan(deployed))
    (deployed.directory / "config" / "keystone.conf").unlink()
    causes = plan(deployed).operations[0].causes
    assert causes == (
        "keystone.conf: [token] expiration 7200 -> 3600, "
        "set by template keystone.conf.j2 from keystone_token_expiration (its default)",
    )


def test_secrets_are_masked_in_causes(deployed: World) -> None:
    passwords = deployed.directory / "passwords.yml"
    secret = deployed.settings.passwords["keystone_database_password"].reveal()
    passwords.write_text(passwords.read_text().replace(secret, "correct-horse-battery"))
    text = explain.text(plan(deployed))
    assert "keystone.conf: [database] connection *** -> ***" in text
    assert secret not in text
    assert "correct-horse-battery" not in text


def test_no_secret_is_in_a_serialised_plan(world: World) -> None:
    serialised = plan(world).model_dump_json()
    for password in world.settings.passwords.values():
        assert password.reveal() not in serialised


def test_a_container_removed_behind_our_back_is_made_again(deployed: World) -> None:
    state = deployed.states["one"]
    containers = {n: c for n, c in state.containers.items() if n != "memcached"}
    deployed.states["one"] = state.model_copy(update={"containers": containers})
    (operation,) = plan(deployed).operations
    assert isinstance(operation, ContainerOperation)
    assert (operation.action, operation.causes) == ("create", ("it does not exist",))


def test_a_container_changed_behind_our_back_is_replaced(deployed: World) -> None:
    spec = {**deployed.states["one"].containers["memcached"].spec, "restart_policy": "no"}
    change_container(deployed, "memcached", spec=spec)
    (operation,) = plan(deployed).operations
    assert isinstance(operation, ContainerOperation)
    assert operation.action == "recreate"
    assert operation.generation == 2
    assert operation.causes == ("changed on the host: restart_policy: no -> unless-stopped",)


def test_a_replaced_container_says_what_changed_in_its_files_too(deployed: World) -> None:
    deployed.image_ids["memcached"] = "sha256:newer"
    deployed.globals["memcached_megabytes"] = 64
    (operation,) = [o for o in plan(deployed).operations if o.kind == "container"]
    assert operation.causes[0] == "image memcached -> newer"
    assert operation.causes[1].startswith("config.json: ")


def test_a_stopped_container_is_started(deployed: World) -> None:
    change_container(deployed, "keystone", state="exited")
    (operation,) = plan(deployed).operations
    assert isinstance(operation, ContainerOperation)
    assert (operation.action, operation.causes) == ("start", ("it is exited",))


def test_a_file_edited_on_the_host_is_put_right(deployed: World) -> None:
    folder = "/etc/kolla/keystone"
    content = deployed.states["one"].folders[folder]["uwsgi.ini"].content
    assert content is not None
    edited = content.reveal().replace("processes = 2", "processes = 9")
    change_file(deployed, folder, "uwsgi.ini", sha256="0" * 64, content=Secret(edited))
    (operation,) = plan(deployed).operations
    assert operation.causes == (
        "changed on the host: uwsgi.ini: [uwsgi] processes 9 -> 2, "
        "set by template base/uwsgi.ini.j2 from keystone_workers (its default)",
    )


def test_a_file_others_can_read_is_put_right(deployed: World) -> None:
    change_file(deployed, "/etc/kolla/keystone", "keystone.conf", mode="0644")
    (operation,) = plan(deployed).operations
    assert operation.causes == ("changed on the host: keystone.conf: mode 0644, should be 0600",)


def test_a_stray_file_in_a_folder_is_removed(deployed: World) -> None:
    state = deployed.states["one"]
    folder = "/etc/kolla/keystone"
    files = {**state.folders[folder], "stray.conf": ObservedFile(sha256="1" * 64, mode="0600")}
    deployed.states["one"] = state.model_copy(update={"folders": {**state.folders, folder: files}})
    (operation,) = plan(deployed).operations
    assert operation.causes == ("changed on the host: stray.conf: no longer wanted",)


def test_configuration_written_but_never_taken_is_taken(deployed: World) -> None:
    change_container(deployed, "keystone", taken=None)
    (operation,) = plan(deployed).operations
    assert operation.causes == ("it never became ready with its present configuration",)


def test_what_was_started_again_and_is_not_ready_is_waited_for(deployed: World) -> None:
    change_container(deployed, "keystone", ready=False)
    assert (
        explain.text(plan(deployed))
        == """\
Plan for cloud 'kolla': 1 operation on 1 host

one
  ? wait for container keystone                  it has not been ready since it was started

1 operation on 1 host.
Endpoints interrupted: none.
Running servers and their networks: not touched."""
    )


def test_those_that_are_waited_for_are_waited_for_at_once(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=("one", "two"))
    world.carry_out(plan(world))
    for host in world.states:
        change_container(world, "memcached", host, ready=False)
    assert [operation.after for operation in plan(world).operations] == [(), ()]


def test_what_has_to_be_restarted_anyhow_is_not_waited_for(deployed: World) -> None:
    change_container(deployed, "keystone", ready=False, taken=None)
    assert [explain.title(operation) for operation in plan(deployed).operations] == [
        "restart container keystone"
    ]


def test_a_new_image_replaces_its_container_and_repeats_its_jobs(deployed: World) -> None:
    deployed.image_ids["keystone"] = "sha256:newer"
    titles = [explain.title(operation) for operation in plan(deployed).operations]
    assert titles == [
        "get image keystone",
        "wait for endpoint mariadb",
        "run job keystone/db-sync",
        "run job keystone/seed-keys",
        "recreate container keystone",
        "run job keystone/bootstrap",
    ]
    recreate = plan(deployed).operations[4]
    assert recreate.causes == ("image keystone -> newer",)


def test_an_empty_database_volume_repeats_the_jobs_that_lived_in_it(deployed: World) -> None:
    state = deployed.states["one"]
    before = state.volumes["mariadb"]
    volumes = {name: epoch for name, epoch in state.volumes.items() if name != "mariadb"}
    containers = {name: c for name, c in state.containers.items() if name != "mariadb"}
    deployed.states["one"] = state.model_copy(update={"volumes": volumes, "containers": containers})
    operations = plan(deployed).operations
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
    deployed.carry_out(plan(deployed))
    assert deployed.states["one"].volumes["mariadb"] != before
    assert not plan(deployed)


def test_a_disabled_service_goes_and_its_volumes_stay(deployed: World) -> None:
    deployed.globals["enable_notes"] = False
    titles = [explain.title(operation) for operation in plan(deployed).operations]
    assert titles == ["remove container notes", "reload container haproxy"]
    deployed.carry_out(plan(deployed))
    assert "notes" in deployed.states["one"].volumes


def test_tags_narrow_the_plan_to_services(world: World) -> None:
    services = {operation.service for operation in plan(world, services={"memcached"}).operations}
    assert services == {"memcached", "host"}


def test_hosts_that_were_not_asked_are_left_alone(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=("one", "two"))
    del world.states["two"]
    assert {operation.host for operation in plan(world).operations} == {"one"}


def test_a_job_is_not_repeated_because_its_volumes_host_was_not_asked(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=("one", "two"))
    world.groups = {"control": ("one",), "mariadb": ("two",)}
    world.carry_out(plan(world))
    assert not plan(world)
    del world.states["two"]
    assert not plan(world)


def test_a_job_done_without_knowing_its_volume_is_repeated_once_it_is_known(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=("one", "two"))
    world.groups = {"control": ("one",), "mariadb": ("two",)}
    world.carry_out(plan(world))
    one, two = world.states["one"], world.states.pop("two")
    jobs = {name: record for name, record in one.jobs.items() if name != "keystone/db-sync"}
    world.states["one"] = one.model_copy(update={"jobs": jobs})
    world.carry_out(plan(world))
    assert not plan(world)
    world.states["two"] = two
    assert [o.id for o in plan(world).operations if o.kind == "job"] == ["job:keystone/db-sync@one"]


def test_a_container_on_several_hosts_is_restarted_one_host_at_a_time(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=("one", "two", "three"))
    world.carry_out(plan(world))
    world.override("keystone.conf", "[token]\nexpiration = 7200\n")
    operations = plan(world).operations
    assert [(o.id, o.after) for o in operations] == [
        ("container:keystone@one", ()),
        ("container:keystone@two", ("container:keystone@one",)),
        ("container:keystone@three", ("container:keystone@two",)),
    ]
    assert operations[0].impact == Impact(served_by_others=("keystone",))


def test_files_that_a_reload_is_enough_for_are_reloaded_and_interrupt_nobody(deployed: World) -> None:
    deployed.globals["haproxy_max_connections"] = 99
    (operation,) = plan(deployed).operations
    assert isinstance(operation, ContainerOperation)
    assert (operation.action, operation.impact) == ("reload", Impact())
    assert operation.reload == (("kolla_set_configs",), ("kolla_haproxy_reload",))


def test_another_command_beside_reloadable_files_is_a_restart(deployed: World) -> None:
    deployed.globals["haproxy_max_connections"] = 99
    deployed.override("haproxy/haproxy/config.json", '{"command": "haproxy -d"}')
    (operation,) = plan(deployed).operations
    assert isinstance(operation, ContainerOperation)
    assert (operation.action, operation.reload) == ("restart", ())


def test_what_was_changed_on_the_host_is_not_reloaded_as_the_container_may_not_see_it(
    deployed: World,
) -> None:
    change_file(deployed, "/etc/kolla/haproxy", "haproxy.cfg", sha256="0" * 64, content=Secret("x\n"))
    (operation,) = plan(deployed).operations
    assert isinstance(operation, ContainerOperation)
    assert operation.action == "restart"


def test_a_stopped_container_whose_files_changed_is_started(deployed: World) -> None:
    deployed.globals["haproxy_max_connections"] = 99
    change_container(deployed, "haproxy", state="exited")
    (operation,) = plan(deployed).operations
    assert isinstance(operation, ContainerOperation)
    assert operation.action == "start"


def test_a_container_that_was_given_another_name_is_found(deployed: World) -> None:
    state = deployed.states["one"]
    containers = {{"memcached": "mine"}.get(name, name): each for name, each in state.containers.items()}
    deployed.states["one"] = state.model_copy(update={"containers": containers})
    causes = {operation.id: operation.causes for operation in plan(deployed).operations}
    assert causes == {
        "remove:mine@one": ("it is no longer wanted",),
        "container:memcached@one": ("it does not exist: it is called mine now",),
    }


MUTATIONS = ["remove", "stop", "start", "spec", "taken", "job", "volume", "file", "image"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(MUTATIONS), st.integers(0, 100)), min_size=1, max_size=4))
def test_any_damage_is_found_and_one_deploy_repairs_it(
    deployed: World, damage: list[tuple[str, int]]
) -> None:
    undamaged = dict(deployed.states)
    for kind, number in damage:
        hurt(deployed, kind, number)
    found = plan(deployed)
    assert found
    deployed.carry_out(found)
    assert not plan(deployed)
    deployed.states = undamaged


def hurt(world: World, kind: str, number: int) -> None:
    state = world.states["one"]

    def pick(names: Any) -> str:
        ordered = sorted(names)
        return str(ordered[number % len(ordered)])

    update: dict[str, Any]
    if kind in ("remove", "stop", "start", "spec", "taken") and state.containers:
        name = pick(state.containers)
        changed = {
            "stop": {"state": "exited"},
            "start": {"ready": False},
            "spec": {"spec": {**state.containers[name].spec, "network": "bridge"}},
            "taken": {"taken": "0"},
            "remove": {},
        }[kind]
        container = state.containers[name].model_copy(update=changed)
        others = {n: c for n, c in state.containers.items() if n != name}
        update = {"containers": others if kind == "remove" else {**others, name: container}}
    elif kind == "job":
        update = {"jobs": {n: r for n, r in state.jobs.items() if n != pick(state.jobs)}}
    elif kind == "volume":
        update = {"volumes": {n: e for n, e in state.volumes.items() if n != "mariadb"}}
    elif kind == "file":
        folder = pick(state.folders)
        update = {"folders": {**state.folders, folder: {}}}
    else:
        world.image_ids["keystone"] = f"sha256:{number}"
        return
    world.states["one"] = state.model_copy(update=update)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_deleted_from_a_plan_is_exactly_what_is_still_to_do(world: World, seed: int) -> None:
    full = plan(world)
    effective = [o for o in full.operations if o.kind in ("job", "container")]
    gone = random.Random(seed).choice(effective)
    world.carry_out(full.model_copy(update={"operations": tuple(o for o in full.operations if o != gone)}))
    left = [o.id for o in plan(world).operations if o.kind != "endpoint"]
    assert left == [gone.id]
