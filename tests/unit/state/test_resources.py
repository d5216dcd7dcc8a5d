"""What services need of hosts themselves: derived, compared, planned."""

from __future__ import annotations

import pytest
from world import World

from kolla.errors import InputError
from kolla.state import explain
from kolla.state.plan import HostOperation
from kolla.state.reconcile import reconcile
from kolla.state.resources import Resources, boot_files, differences, union

FORWARD = "net.ipv4.ip_forward"

HOST_SECTION = """\
host:
  modules: [{name: openvswitch, optional: true}]
  sysctls: {net.ipv4.ip_forward: "{{ 1 if 'openvswitch' in kernel_modules else 0 }}"}
  shared_mounts: [/run/netns/]
  directories: {/srv/notes: "0711"}
containers:
"""


@pytest.fixture
def needy(world: World) -> World:
    """A cloud of which one service needs something of its hosts."""
    world.edit("notes/service.yml", "containers:\n", HOST_SECTION)
    return world


def plan(world: World) -> str:
    return explain.text(reconcile(world.desired, world.states, services=["notes"]))


def test_a_host_is_prepared_before_the_containers(needy: World) -> None:
    operations = {o.id: o for o in reconcile(needy.desired, needy.states).operations}
    assert operations["host:notes@one"].causes == (
        f"sysctl {FORWARD}: (none) -> 0",
        "directory /srv/notes does not exist",
        "/run/netns is not on a shared mount",
        "/etc/sysctl.d/kolla-notes.conf does not exist",
        "/etc/tmpfiles.d/kolla-notes.conf does not exist",
    )
    assert "host:notes@one" in operations["container:notes@one"].after
    assert "host:notes@one" in operations["job:notes/db-sync@one"].after
    assert not any(id_.startswith("host:") for id_ in operations if id_ != "host:notes@one")


def test_an_optional_module_is_loaded_where_the_kernel_has_it(needy: World) -> None:
    needy.kernel_modules = ("openvswitch",)
    needs = needy.desired.host_needs["one", "notes"]
    assert needs.modules == ("openvswitch",)
    assert needs.sysctls == {FORWARD: "1"}
    assert needs.files["/etc/modules-load.d/kolla-notes.conf"].endswith("\nopenvswitch\n")


def test_a_required_module_is_asked_for_whatever_the_kernel_has(needy: World) -> None:
    needy.edit("notes/service.yml", "optional: true", "optional: false")
    assert needy.desired.host_needs["one", "notes"].modules == ("openvswitch",)


def test_a_directory_may_be_shared_on_some_hosts_only(needy: World) -> None:
    wanted = "\"{{ '/run/shared' if notes_port == 9191 else '' }}\""
    needy.edit("notes/service.yml", "[/run/netns/]", f"[/run/netns/, {wanted}]")
    assert needy.desired.host_needs["one", "notes"].shared_mounts == ("/run/netns", "/run/shared")
    needy.globals["notes_port"] = 9292
    assert needy.desired.host_needs["one", "notes"].shared_mounts == ("/run/netns",)


def test_what_outlives_containers_is_ended_where_they_run(needy: World) -> None:
    needy.edit("notes/service.yml", "host:\n", "host:\n  at_destroy: {notes: [end, '{{ notes_port }}']}\n")
    assert needy.desired.host_needs["one", "notes"].at_destroy == {"notes": ("end", "9191")}


def test_drift_is_put_right(needy: World) -> None:
    needy.carry_out(reconcile(needy.desired, needy.states))
    assert plan(needy).startswith("Nothing to do")
    resources = needy.states["one"].resources
    drifted = resources.model_copy(
        update={"sysctls": {FORWARD: "1"}, "shared_mounts": (), "directories": {"/srv/notes": "0777"}}
    )
    needy.states["one"] = needy.states["one"].model_copy(update={"resources": drifted})
    (operation,) = reconcile(needy.desired, needy.states).operations
    assert operation.causes == (
        f"sysctl {FORWARD}: 1 -> 0",
        "directory /srv/notes: mode 0777 -> 0711",
        "/run/netns is not on a shared mount",
    )


def test_what_a_disabled_service_was_given_is_taken_back_after_its_containers(needy: World) -> None:
    needy.carry_out(reconcile(needy.desired, needy.states))
    needy.globals["enable_notes"] = False
    operations = {o.id: o for o in reconcile(needy.desired, needy.states).operations}
    operation = operations["host:notes@one"]
    assert isinstance(operation, HostOperation)
    assert operation.resources == Resources()
    assert operation.after == ("remove:notes@one",)
    assert f"sysctl {FORWARD} is no longer needed" in operation.causes


def test_only_hosts_of_the_group_where_when_holds(needy: World) -> None:
    needy.edit("notes/service.yml", "host:\n", 'host:\n  group: network\n  when: "{{ kernel_modules }}"\n')
    assert needy.desired.host_needs == {}
    needy.groups = {**needy.groups, "network": ("one",)}
    assert needy.desired.host_needs == {}
    needy.kernel_modules = ("openvswitch",)
    assert set(needy.desired.host_needs) == {("one", "notes")}


def test_two_services_that_want_different_values_are_refused(needy: World) -> None:
    other = needy.services / "other"
    other.mkdir()
    (other / "service.yml").write_text(
        "name: other\ntitle: Other\nenabled: true\n"
        "users: {other: {uid: 42998, home: /srv}}\nimages: {other: {user: other}}\n"
        "containers: {other: {command: sleep}}\n"
        f'host: {{sysctls: {{{FORWARD}: "7"}}}}\n'
    )
    with pytest.raises(
        InputError, match=f"sysctl {FORWARD} is to be 0 for service 'notes' and 7 for 'other'"
    ):
        plan(needy)


def test_what_is_true_already_is_still_put_on_record() -> None:
    wanted = Resources(shared_mounts=("/srv",))
    assert differences(wanted, wanted, None) == ["nothing on the host says that it was done"]
    assert differences(wanted, wanted, wanted) == []
    assert differences(Resources(), Resources(), None) == []
    changed = wanted.model_copy(update={"at_destroy": {"web": ("end",)}})
    assert differences(changed, changed, wanted) == ["what ends at a destroy has changed"]


def test_only_what_is_gone_after_a_start_of_the_host_is_written_to_files() -> None:
    assert boot_files("x", Resources(shared_mounts=("/srv",), directories={"/var/x": "0755"})) == {}
    (text,) = boot_files("x", Resources(shared_mounts=("/run/netns",))).values()
    assert text.splitlines()[1:] == ["d /run/netns 0755"]


def test_a_question_names_what_all_services_need() -> None:
    one = Resources(modules=("b",), sysctls={"x.y": "1"})
    two = Resources(modules=("a", "b"), directories={"/srv": "0755"})
    assert union([one, two]) == Resources(
        modules=("a", "b"), sysctls={"x.y": "1"}, directories={"/srv": "0755"}
    )
