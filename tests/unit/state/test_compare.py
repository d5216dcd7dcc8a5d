"""A container that is not as it should be: what is done about it, and the reasons."""

from __future__ import annotations

from world import World

from kolla.secret import Secret
from kolla.state import explain
from kolla.state.host_state import ObservedFile
from kolla.state.plan import ContainerOperation, Impact


def test_a_container_removed_behind_our_back_is_made_again(deployed: World) -> None:
    state = deployed.states["one"]
    containers = {n: c for n, c in state.containers.items() if n != "memcached"}
    deployed.states["one"] = state.model_copy(update={"containers": containers})
    (operation,) = deployed.plan().operations
    assert isinstance(operation, ContainerOperation)
    assert (operation.action, operation.causes) == ("create", ("it does not exist",))


def test_a_container_changed_behind_our_back_is_replaced(deployed: World) -> None:
    spec = {**deployed.states["one"].containers["memcached"].spec, "restart_policy": "no"}
    deployed.change_container("memcached", spec=spec)
    (operation,) = deployed.plan().operations
    assert isinstance(operation, ContainerOperation)
    assert operation.action == "recreate"
    assert operation.generation == 2
    assert operation.causes == ("changed on the host: restart_policy: no -> unless-stopped",)


def test_a_replaced_container_says_what_changed_in_its_files_too(deployed: World) -> None:
    deployed.image_ids["memcached"] = "sha256:newer"
    deployed.globals["memcached_megabytes"] = 64
    (operation,) = [o for o in deployed.plan().operations if o.kind == "container"]
    assert operation.causes[0] == "image memcached -> newer"
    assert operation.causes[1].startswith("config.json: ")


def test_a_stopped_container_is_started(deployed: World) -> None:
    deployed.change_container("keystone", state="exited")
    (operation,) = deployed.plan().operations
    assert isinstance(operation, ContainerOperation)
    assert (operation.action, operation.causes) == ("start", ("it is exited",))


def test_a_container_that_was_given_another_name_is_found(deployed: World) -> None:
    state = deployed.states["one"]
    containers = {{"memcached": "mine"}.get(name, name): each for name, each in state.containers.items()}
    deployed.states["one"] = state.model_copy(update={"containers": containers})
    causes = {operation.id: operation.causes for operation in deployed.plan().operations}
    assert causes == {
        "remove:mine@one": ("it is no longer wanted",),
        "container:memcached@one": ("it does not exist: it is called mine now",),
    }


def test_a_file_edited_on_the_host_is_put_right(deployed: World) -> None:
    folder = "/etc/kolla/keystone"
    content = deployed.states["one"].folders[folder]["uwsgi.ini"].content
    assert content is not None
    edited = content.reveal().replace("processes = 2", "processes = 9")
    deployed.change_file(folder, "uwsgi.ini", sha256="0" * 64, content=Secret(edited))
    (operation,) = deployed.plan().operations
    assert operation.causes == (
        "changed on the host: uwsgi.ini: [uwsgi] processes 9 -> 2, "
        "set by template base/uwsgi.ini.j2 from keystone_workers (its default)",
    )


def test_a_file_others_can_read_is_put_right(deployed: World) -> None:
    deployed.change_file("/etc/kolla/keystone", "keystone.conf", mode="0644")
    (operation,) = deployed.plan().operations
    assert operation.causes == ("changed on the host: keystone.conf: mode 0644, should be 0600",)


def test_a_stray_file_in_a_folder_is_removed(deployed: World) -> None:
    state = deployed.states["one"]
    folder = "/etc/kolla/keystone"
    files = {**state.folders[folder], "stray.conf": ObservedFile(sha256="1" * 64, mode="0600")}
    deployed.states["one"] = state.model_copy(update={"folders": {**state.folders, folder: files}})
    (operation,) = deployed.plan().operations
    assert operation.causes == ("changed on the host: stray.conf: no longer wanted",)


def test_configuration_written_but_never_taken_is_taken(deployed: World) -> None:
    deployed.change_container("keystone", taken=None)
    (operation,) = deployed.plan().operations
    assert operation.causes == ("it never became ready with its present configuration",)


def test_what_was_started_again_and_is_not_ready_is_waited_for(deployed: World) -> None:
    deployed.change_container("keystone", ready=False)
    assert (
        explain.text(deployed.plan())
        == """\
Plan for cloud 'kolla': 1 operation on 1 host

one
  ? wait for container keystone                  it has not been ready since it was started

1 operation on 1 host.
Endpoints interrupted: none.
Running servers and their networks: not touched."""
    )


def test_what_has_to_be_restarted_anyhow_is_not_waited_for(deployed: World) -> None:
    deployed.change_container("keystone", ready=False, taken=None)
    assert [explain.title(operation) for operation in deployed.plan().operations] == [
        "restart container keystone"
    ]


def test_files_that_a_reload_is_enough_for_are_reloaded_and_interrupt_nobody(deployed: World) -> None:
    deployed.globals["haproxy_max_connections"] = 99
    (operation,) = deployed.plan().operations
    assert isinstance(operation, ContainerOperation)
    assert (operation.action, operation.impact) == ("reload", Impact())
    assert operation.reload == (("kolla_set_configs",), ("kolla_haproxy_reload",))


def test_another_command_beside_reloadable_files_is_a_restart(deployed: World) -> None:
    deployed.globals["haproxy_max_connections"] = 99
    deployed.override("haproxy/haproxy/config.json", '{"command": "haproxy -d"}')
    (operation,) = deployed.plan().operations
    assert isinstance(operation, ContainerOperation)
    assert (operation.action, operation.reload) == ("restart", ())


def test_what_was_changed_on_the_host_is_not_reloaded_as_the_container_may_not_see_it(
    deployed: World,
) -> None:
    deployed.change_file("/etc/kolla/haproxy", "haproxy.cfg", sha256="0" * 64, content=Secret("x\n"))
    (operation,) = deployed.plan().operations
    assert isinstance(operation, ContainerOperation)
    assert operation.action == "restart"


def test_a_stopped_container_whose_files_changed_is_started(deployed: World) -> None:
    deployed.globals["haproxy_max_connections"] = 99
    deployed.change_container("haproxy", state="exited")
    (operation,) = deployed.plan().operations
    assert isinstance(operation, ContainerOperation)
    assert operation.action == "start"
