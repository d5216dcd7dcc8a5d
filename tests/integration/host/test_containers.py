"""Creating, restarting, swapping and removing containers on a real engine."""

import shutil
import subprocess
from pathlib import Path

import pytest

from kolla.catalogue.privileges import START_CAPABILITIES
from kolla.state.plan import ContainerOperation, Folder
from kolla.state.spec import ContainerSpec, HealthCheck, Mount

from . import podmans
from .conftest import on_every_engine

pytestmark = on_every_engine

FAILS = "echo trying; echo reason: wrong password >&2; exit 7\n"


def state_of(host, noun="web"):
    return host.observe()["containers"][host.name(noun)]


def test_what_was_done_is_skipped_the_second_time(host):
    operation = host.container()
    host.do(operation)
    before = host.inspect("web")["State"]["StartedAt"]
    host.do(operation, "skipped")
    assert host.inspect("web")["State"]["StartedAt"] == before


SLOW = """\
rm -f /tmp/ready
sleep 3
touch /tmp/ready
exec sleep 1000
"""


def test_what_the_engine_started_is_waited_for_until_it_is_ready(host):
    check = HealthCheck(command=("/bin/sh", "-c", "test -e /tmp/ready"), interval=60, timeout=5, retries=3)
    operation = host.container(run=SLOW, health=check, start_timeout=60)
    host.do(operation)
    assert state_of(host)["ready"]
    host.engine.api.restart(host.name("web"), 0)
    started = host.inspect("web")["State"]["StartedAt"]
    assert not state_of(host)["ready"]
    host.do({**operation, "action": "wait"})
    assert state_of(host)["ready"]
    assert state_of(host)["health"] == "starting"  # the engine itself has not asked yet
    assert host.inspect("web")["State"]["StartedAt"] == started


def test_the_protocol_is_the_plans_own_words(host):
    operation = ContainerOperation(**host.container(), host="here", causes=("because",))
    host.do(operation.model_dump(mode="json"))
    seen = state_of(host)
    assert seen["spec_digest"] == operation.spec.digest
    assert seen["taken"] == Folder(**operation.folder.model_dump()).digest
    assert (seen["state"], seen["service"], seen["generation"]) == ("running", "test", 1)
    assert seen["folder"] == operation.folder.path


SPECS = {
    "plain": {},
    "everything": {
        "environment": {"OF_IMAGE": "yes", "B": "a=b", "A": "", "PATH": "/bin:/other"},
        "capabilities": tuple(sorted((*START_CAPABILITIES, "NET_ADMIN", "NET_BIND_SERVICE"))),
        "pid_mode": "host",
        "network": "none",
        "restart_policy": "no",
        "stop_timeout": 0,
        "health": None,
        "security_options": ("no-new-privileges", "seccomp=unconfined"),
        "mounts": (
            Mount(type="bind", source="/tmp", target="/tmp"),
            Mount(type="tmpfs", target="/run"),
        ),
    },
    "apparmor and system paths unconfined, host's cgroups": {
        "cgroup_mode": "host",
        "devices": ("/dev/full", "/dev/net/tun"),
        "security_options": ("apparmor=unconfined", "systempaths=unconfined"),
    },
    "nothing": {"capabilities": (), "security_options": ()},
    "health": {"health": HealthCheck(command=("/bin/sh", "-c", "true"), interval=1, timeout=2, retries=9)},
}


@pytest.mark.parametrize("kind", SPECS)
def test_what_inspect_shows_is_what_was_asked(host, kind):
    operation = host.container(**SPECS[kind])
    host.do(operation)
    spec = state_of(host)["spec"]
    assert spec == operation["spec"]
    assert ContainerSpec(**spec).digest == state_of(host)["spec_digest"]


@pytest.fixture
def shared_mount(tmp_path):
    """A directory whose mounts others may share."""
    with podmans.shared(tmp_path):
        yield tmp_path


def test_later_mounts_are_seen_inside_where_that_is_asked_for(host, shared_mount):
    for noun, propagation in (("shared", "shared"), ("apart", "private")):
        mount = Mount(type="bind", source=str(shared_mount), target="/data", propagation=propagation)
        operation = host.container(noun, mounts=(mount,))
        host.do(operation)
        assert state_of(host, noun)["spec"] == operation["spec"]
    (shared_mount / "sub").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", shared_mount / "sub"], check=True)
    (shared_mount / "sub" / "late").touch()
    seen = {
        noun: host.engine.containers.get(host.name(noun)).exec_run(["test", "-e", "/data/sub/late"]).exit_code
        for noun in ("shared", "apart")
    }
    subprocess.run(["umount", shared_mount / "sub"], check=True)
    assert seen == {"shared": 0, "apart": 1}


def test_volumes_are_part_of_the_projection(host):
    mount = Mount(type="volume", source=host.name("data"), target="/data")
    operation = host.container(mounts=(mount,), after=["volume:data@here"])
    host.apply(host.volume("data"), operation)
    assert state_of(host)["spec"] == operation["spec"]


def test_a_changed_file_restarts_the_same_container(host):
    host.do(host.container(files={"a": "1", "gone": "x"}))
    before = host.inspect("web")
    operation = host.container(files={"a": "2"}, action="restart")
    host.do(operation)
    after = host.inspect("web")
    assert before["Id"] == after["Id"]
    assert before["State"]["StartedAt"] != after["State"]["StartedAt"]
    folder = Path(operation["folder"]["path"])
    assert {file.name: file.read_text() for file in folder.iterdir() if file.name != "run"} == {"a": "2"}
    assert [file.name for file in folder.parent.iterdir()] == ["web"]
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_running_container_keeps_seeing_the_folder_it_took(host):
    host.do(host.container(files={"a": "old"}))
    host.do(host.container(files={"a": "new"}, run=FAILS, start_timeout=60), "failed")
    exit_code, output = host.engine.containers.get(host.name("web")).exec_run(["cat", "/config/a"])
    assert (exit_code, output) == (0, b"old")


def test_a_changed_spec_swaps(host):
    host.do(host.container())
    before = host.inspect("web")
    host.do(host.container(environment={"NEW": "1"}, generation=2, action="recreate"))
    after = host.inspect("web")
    assert before["Id"] != after["Id"]
    assert after["Config"]["Labels"]["kolla.generation"] == "2"
    assert host.containers() == ["web"]


def test_a_swap_that_fails_puts_the_previous_container_back(host):
    first = host.container(files={"a": "old"})
    host.do(first)
    before = host.inspect("web")
    event = host.do(host.container(run=FAILS, environment={"NEW": "1"}, action="recreate"), "failed")
    assert "the previous container is back" in event["message"]
    assert "reason: wrong password" in event["log"]
    after = host.inspect("web")
    assert (after["Id"], after["State"]["Running"]) == (before["Id"], True)
    assert host.containers() == ["web"]
    host.do(first, "skipped")
    host.do(host.container(environment={"NEW": "1"}, generation=2, action="recreate"))


DIARY = """\
trap 'cat /proc/uptime > /diary/end; exit' TERM
cat /proc/uptime > /diary/begin
while :; do sleep 0.05; done
"""


@pytest.mark.parametrize("order", ["start-first", "stop-first"])
def test_a_new_one_is_started_before_the_other_is_stopped_where_that_is_wanted(host, order):
    diary = host.directory / "diary"
    diary.mkdir()
    mount = Mount(type="bind", source=str(diary), target="/diary", read_only=False)
    host.do(host.container(run=DIARY, mounts=[mount], stop_timeout=5))
    changes = {"environment": {"NEW": "1"}, "stop_timeout": 5, "action": "recreate"}
    host.do(host.container(run=DIARY, mounts=[mount], update_order=order, **changes))
    begin, end = (float((diary / name).read_text().split()[0]) for name in ("begin", "end"))
    assert (begin < end) is (order == "start-first")
    assert host.containers() == ["web"]


def health(command: str) -> HealthCheck:
    return HealthCheck(command=("/bin/sh", "-c", command), interval=30, timeout=5, retries=3)


def test_the_other_is_stopped_once_the_new_one_is_ready_where_that_is_wanted(host):
    diary = host.directory / "diary"
    diary.mkdir()
    mount = Mount(type="bind", source=str(diary), target="/diary", read_only=False)
    host.do(host.container(run=DIARY, mounts=[mount], stop_timeout=5))
    slow = "sleep 2; touch /ready; cat /proc/uptime > /diary/ready; while :; do sleep 0.05; done"
    host.do(
        host.container(
            run=slow,
            mounts=[mount],
            health=health("test -e /ready"),
            update_order="ready-first",
            action="recreate",
        )
    )
    ready, end = (float((diary / name).read_text().split()[0]) for name in ("ready", "end"))
    assert ready < end
    assert host.containers() == ["web"]


def test_one_that_does_not_become_ready_leaves_the_other_as_it_was(host):
    host.do(host.container())
    before = host.inspect("web")
    wanted = {"health": health("false"), "update_order": "ready-first", "start_timeout": 2}
    host.do(host.container(environment={"NEW": "1"}, action="recreate", **wanted), "failed")
    after = host.inspect("web")
    assert (after["Id"], after["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])
    assert host.containers() == ["web"]


def test_a_swap_whose_files_cannot_be_written_puts_the_previous_container_back(host):
    first = host.container()
    host.do(first)
    before = host.inspect("web")
    impossible = {"a": "a file", "a/b": "and a directory"}
    event = host.do(host.container(files=impossible, environment={"NEW": "1"}, action="recreate"), "failed")
    assert event["message"].startswith("cannot write ")
    assert "the previous container is back" in event["message"]
    after = host.inspect("web")
    assert (after["Id"], after["State"]["Running"]) == (before["Id"], True)
    host.do(first, "skipped")


def test_a_restart_that_fails_puts_the_previous_folder_back(host):
    first = host.container()
    host.do(first)
    event = host.do(host.container(run=FAILS, action="restart"), "failed")
    assert "previous configuration" in event["message"]
    host.do(first, "skipped")


RELOADS = """\
trap 'cat /config/a >/tmp/taken' HUP
trap 'exit 0' TERM
echo $$ >/tmp/pid
cat /config/a >/tmp/taken
while :; do sleep 0.1; done
"""
"""A service that takes another file into use at a signal."""

SIGNAL = ["/bin/sh", "-c", "kill -HUP $(cat /tmp/pid); sleep 0.5"]


def taken_inside(host):
    return host.engine.containers.get(host.name("web")).exec_run(["cat", "/tmp/taken"]).output


def test_a_reload_changes_files_under_a_container_that_goes_on(host):
    host.do(host.container(run=RELOADS, files={"a": "1", "gone": "x"}))
    before = host.inspect("web")
    operation = host.container(run=RELOADS, files={"a": "2", "come": "y"}, action="reload", reload=[SIGNAL])
    host.do(operation)
    assert taken_inside(host) == b"2"
    assert host.inspect("web")["State"]["StartedAt"] == before["State"]["StartedAt"]
    folder = Path(operation["folder"]["path"])
    assert {file.name for file in folder.iterdir()} == {"run", "a", "come"}
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert [file.name for file in folder.parent.iterdir()] == ["web"]
    host.do(operation, "skipped")
    # What was reloaded can be reloaded again: it is still the folder the container sees.
    host.do(host.container(run=RELOADS, files={"a": "3"}, action="reload", reload=[SIGNAL]))
    assert taken_inside(host) == b"3"


def test_a_reload_that_is_refused_puts_the_previous_files_back(host):
    first = host.container(run=RELOADS, files={"a": "good"})
    host.do(first)
    before = host.inspect("web")
    refuse = ["/bin/sh", "-c", "if test good = $(cat /config/a); then exit 0; fi; echo wrong word; exit 3"]
    bad = host.container(run=RELOADS, files={"a": "bad"}, action="reload", reload=[refuse, SIGNAL])
    event = host.do(bad, "failed")
    assert event["message"].endswith("ended with exit status 3; it has its previous configuration again")
    assert event["log"] == ["wrong word"]
    assert taken_inside(host) == b"good"
    assert host.inspect("web")["State"]["StartedAt"] == before["State"]["StartedAt"]
    host.do(first, "skipped")


def test_what_does_not_see_its_folder_any_more_is_started_again(host):
    host.do(host.container(run=RELOADS, files={"a": "1"}))
    operation = host.container(run=RELOADS, files={"a": "2"}, action="reload", reload=[SIGNAL])
    folder = Path(operation["folder"]["path"])
    shutil.copytree(folder, folder.with_name("by-hand"))
    shutil.rmtree(folder)
    folder.with_name("by-hand").rename(folder)
    before = host.inspect("web")
    host.do(operation)
    assert taken_inside(host) == b"2"
    assert host.inspect("web")["State"]["StartedAt"] != before["State"]["StartedAt"]


def test_a_paused_container_is_started_again(host):
    operation = host.container()
    host.do(operation)
    host.engine.api.pause(host.name("web"))
    host.do({**operation, "action": "start"})
    assert state_of(host)["state"] == "running"


def test_a_created_container_that_fails_is_left_to_look_at(host):
    event = host.do(host.container(run=FAILS, restart_policy="no"), "failed")
    assert event["message"] == f"container '{host.name('web')}' ended with exit status 7"
    # The engine reads standard output and standard error apart, so their order is not certain.
    assert sorted(event["log"][-2:]) == ["reason: wrong password", "trying"]
    assert state_of(host)["state"] == "exited"
    assert state_of(host)["taken"] is None
    host.do(host.container())


def test_a_crash_loop_is_seen_long_before_the_time_is_over(host):
    event = host.do(host.container(run=FAILS, start_timeout=60, health=None), "failed")
    assert f"container '{host.name('web')}' ended and was started again" in event["message"]
    assert event["seconds"] < 15


def test_a_check_that_never_passes_fails_in_time(host):
    never = HealthCheck(command=("/bin/test", "-e", "/nowhere"), interval=30, timeout=5, retries=3)
    event = host.do(host.container(health=never, start_timeout=1), "failed")
    assert event["message"].endswith("did not become ready within 1 s")
    assert state_of(host)["state"] == "running"


def test_a_check_that_hangs_is_given_up(host):
    hangs = HealthCheck(command=("/bin/sleep", "60"), interval=30, timeout=1, retries=3)
    event = host.do(host.container(health=hangs, start_timeout=2), "failed")
    assert event["seconds"] < 8


def test_changes_behind_our_back_are_seen_and_repaired(host):
    operation = host.container()
    host.do(operation)
    host.engine.api.update_container(host.name("web"), restart_policy={"Name": "on-failure"})
    assert state_of(host)["spec"]["restart_policy"] == "on-failure"
    host.do(operation)
    assert state_of(host)["spec"] == operation["spec"]

    host.engine.api.stop(host.name("web"), timeout=0)
    assert state_of(host)["state"] == "exited"
    host.do({**operation, "action": "start"})
    assert state_of(host)["state"] == "running"

    host.engine.api.remove_container(host.name("web"), force=True)
    assert host.observe()["containers"] == {}
    host.do(operation)

    file = Path(operation["folder"]["path"], "run")
    file.write_text("echo hand-made\n")
    seen = host.observe()["folders"][operation["folder"]["path"]]
    assert seen["run"]["content"] == "echo hand-made\n"
    host.do({**operation, "action": "restart"})
    assert file.read_text() != "echo hand-made\n"


def test_a_container_of_somebody_else_is_not_touched(host):
    operation = host.container()
    host.engine.api.create_container(host.image, name=host.name("web"))
    try:
        event = host.do(operation, "failed")
        assert "this cloud did not make" in event["message"]
        assert host.name("web") in host.observe()["foreign"]
    finally:
        host.engine.api.remove_container(host.name("web"), force=True)


def test_a_missing_volume_is_not_made_by_the_way(host):
    mount = Mount(type="volume", source=host.name("data"), target="/data")
    event = host.do(host.container(mounts=(mount,)), "failed")
    assert event["message"] == f"volume '{host.name('data')}' is missing or was not made by this cloud"
    assert host.name("data") not in {v["Name"] for v in host.engine.api.volumes()["Volumes"]}


def test_a_file_that_did_not_come_along(host):
    operation = host.container()
    host.bundle.clear()
    event = host.do(operation, "failed")
    assert event["message"] == "the content of file 'run' did not come with the request"


def test_remove_keeps_the_volume(host):
    mount = Mount(type="volume", source=host.name("data"), target="/data")
    operation = host.container(mounts=(mount,), after=["volume:data@here"])
    host.apply(host.volume("data"), operation)
    remove = {
        "id": "remove:web@here",
        "kind": "remove",
        "service": "test",
        "container": host.name("web"),
        "folder": operation["folder"]["path"],
        "after": [],
        "timeout": 30,
    }
    host.do(remove)
    state = host.observe()
    assert (state["containers"], state["folders"]) == ({}, {})
    assert list(state["volumes"]) == [host.name("data")]
    host.do(remove, "skipped")


def test_a_stopped_container_keeps_everything_and_is_started_again(host):
    operation = host.container()
    host.do(operation)
    name = operation["spec"]["name"]
    stop = {
        "id": "stop:web@here",
        "kind": "stop",
        "service": "test",
        "container": name,
        "after": [],
        "timeout": 60,
    }
    host.do(stop)
    assert state_of(host)["state"] == "exited"
    host.do(stop, "skipped")
    identity = host.inspect("web")["Id"]
    host.do({**operation, "action": "start"})
    assert (state_of(host)["state"], host.inspect("web")["Id"]) == ("running", identity)
