"""Runs: order, threads, locks, leases, and what is left of a killed one."""

import os
import random
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from kolla.state.spec import Mount

BOOT_ID = Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def owner(pid: int) -> dict[str, object]:
    """A deployer on this very host."""
    return {
        "user": "ann",
        "host": socket.gethostname(),
        "boot_id": BOOT_ID,
        "pid": pid,
        "command": "kolla deploy",
    }


def test_a_failure_blocks_what_waits_for_it_and_nothing_else(host):
    fails = host.job("fails", "exit 1\n")
    follows = host.job("follows", "true\n", after=[fails["id"]])
    last = host.job("last", "true\n", after=[follows["id"]])
    apart = host.job("apart", "true\n", after=["container:elsewhere@there"])
    result = host.apply(last, follows, fails, apart)
    assert {id: event["status"] for id, event in result.items()} == {
        fails["id"]: "failed",
        follows["id"]: "blocked",
        last["id"]: "blocked",
        apart["id"]: "done",
    }
    assert result[last["id"]]["message"] == f"waits for {fails['id']}, which failed"


def test_after_a_failure_only_what_runs_comes_to_its_end_where_that_was_asked_for(host):
    fails = host.job("fails", "exit 1\n")
    slow = host.job("slow", "sleep 5\n")
    apart = host.job("apart", "true\n", after=[slow["id"]])
    result = host.apply(fails, slow, apart, stop_at_failure=True)
    assert {id: event["status"] for id, event in result.items()} == {
        fails["id"]: "failed",
        slow["id"]: "done",
        apart["id"]: "blocked",
    }
    assert result[apart["id"]]["message"] == f"{fails['id']} failed, and nothing further is begun"


def test_independent_operations_run_at_once(host):
    begin = time.monotonic()
    result = host.apply(*(host.job(f"sleep{i}", "sleep 3\n") for i in range(4)))
    assert {event["status"] for event in result.values()} == {"done"}
    assert time.monotonic() - begin < 10


def test_operations_in_a_circle_are_refused(host):
    answer = host.begin(
        host.job("a", "", after=["job:test/b@here"]), host.job("b", "", after=["job:test/a@here"])
    )
    assert answer["error"] == "request"
    assert "job:test/a@here -> job:test/b@here" in answer["message"]


def test_the_worker_outlives_whoever_started_it(host):
    operation = host.job("slow", "sleep 2\n")
    begun = host.begin(operation)
    assert Path(f"/proc/{begun['worker']}").exists()
    assert os.getsid(begun["worker"]) != os.getsid(0)
    assert [event["status"] for event in host.finish(begun)] == ["started", "done"]


def test_events_can_be_read_again_from_any_offset(host):
    begun = host.begin(host.job("one", "true\n"))
    events = host.finish(begun)
    answer = host.ask("follow", run=begun["run"], offset=0)
    assert (answer["events"], answer["finished"]) == (events, True)
    again = host.begin(host.job("two", "true\n"), run=begun["run"])
    assert again["offset"] == answer["offset"]
    assert {event["operation"] for event in host.finish(again)} == {"job:test/two@here"}


def test_a_worker_that_died_is_told(host):
    begun = host.begin(host.job("slow", "sleep 30\n"))
    host.wait_for(lambda: host.containers() == ["slow"])
    host.kill(begun)
    events = host.finish(begun)
    assert [event["status"] for event in events] == ["started", "died"]
    assert "deploying again goes on from here" in events[-1]["message"]


def test_a_second_deployer_is_told_whom_it_waits_for(host):
    with subprocess.Popen(["sleep", "60"]) as deployer:
        begun = host.begin(host.job("one", "true\n"), owner=owner(deployer.pid))
        answer = host.begin(host.job("two", "true\n"), lock_timeout=0)
        assert answer["error"] == "locked"
        assert answer["lease"]["owner"] == owner(deployer.pid)
        assert answer["message"].startswith("this host is being changed by ann@")
        assert host.question()["lease"]["run"] == begun["run"]
        assert (
            host.ask("destroy", volumes=False, images=False, purge=False, lock_timeout=0)["error"] == "locked"
        )
        deployer.kill()
    while not host.ask("follow", run=begun["run"], offset=begun["offset"])["finished"]:
        pass
    host.do(host.job("two", "true\n"))


def test_a_second_deployer_may_wait(host):
    begun = host.begin(host.job("one", "sleep 2\n"))
    process = host.start(
        "apply", run="second", owner=owner(os.getpid()), operations=[], bundle={}, lock_timeout=30
    )
    host.finish(begun)
    assert process.stdout and b'"run": "second"' in process.stdout.read()
    assert process.wait() == 0


def test_the_worker_of_a_dead_deployer_still_holds_the_lock(host):
    begun = host.begin(host.job("slow", "sleep 3\n"), owner=owner(0))
    assert host.begin(lock_timeout=0)["error"] == "locked"
    assert "run" in host.begin(lock_timeout=20)
    assert [event["status"] for event in host.finish(begun)] == ["started", "done"]


ROUNDS = 8


def whole(host, generation: int):
    """A little cloud of a volume, a job and two containers, changed from generation to generation."""
    mount = Mount(type="volume", source=host.name("data"), target="/data")
    volume = {**host.volume("data"), "epoch": "e1"}
    sync = host.job(
        "sync", "echo x >>/data/log\n", mounts=(mount,), key=f"k{generation}", after=[volume["id"]]
    )
    swapped = host.container(
        "swapped",
        mounts=(mount,),
        environment={"GENERATION": str(generation)},
        generation=generation,
        action="recreate",
        after=[sync["id"]],
        files={"generation": str(generation)},
    )
    restarted = host.container(
        "restarted",
        health=None,
        action="restart",
        files={"generation": str(generation)},
        after=[volume["id"]],
    )
    return volume, sync, swapped, restarted


def test_killed_at_any_moment_and_applied_again_the_end_is_the_same(host):
    """Each round changes everything, kills the worker somewhere on the way, and applies again."""
    moments = random.Random(20)
    events = host.finish(host.begin(*whole(host, 0)))
    length = events[-1]["time"] - events[0]["time"]
    cut_short = 0
    for generation in range(1, ROUNDS + 1):
        operations = whole(host, generation)
        begun = host.begin(*operations)
        time.sleep(moments.uniform(0, 0.7 * length))
        host.kill(begun)
        cut_short += host.finish(begun)[-1]["status"] == "died"
        result = host.apply(*operations)
        assert {event["status"] for event in result.values()} <= {"done", "skipped"}, result
        state = host.observe()
        assert host.containers() == ["restarted", "swapped"]
        for operation in operations[2:]:
            seen = state["containers"][operation["spec"]["name"]]
            assert (seen["spec"], seen["state"]) == (operation["spec"], "running")
            assert Path(operation["folder"]["path"], "generation").read_text() == str(generation)
        assert state["containers"][host.name("swapped")]["generation"] == generation
        assert state["jobs"] == {"test/sync": {"key": f"k{generation}", "epochs": {}}}
        assert state["volumes"] == {host.name("data"): "e1"}
        assert sorted(path.name for path in (host.directory / "etc").iterdir()) == ["restarted", "swapped"]
        assert {event["status"] for event in host.apply(*operations).values()} == {"skipped"}
    assert cut_short >= ROUNDS / 2


@pytest.mark.parametrize("left", [[".new"], [".old"], [".old", ".new"], [".old", ""]])
def test_every_half_of_a_swap_is_brought_to_its_end(host, left):
    """The states between the steps of a swap, made by hand."""
    host.do(host.container())
    api, name = host.engine.api, host.name("web")
    labels = host.inspect("web")["Config"]["Labels"]
    cloud = {label: labels[label] for label in ("kolla.cloud", "kolla.service", "kolla.folder")}
    (host.state / "taken" / f"{name}.json").unlink()
    if ".old" in left:
        api.stop(name, timeout=0)
        api.rename(name, f"{name}.old")
    for suffix in set(left) - {".old"}:
        api.create_container(host.image, name=name + suffix, labels=cloud)
    assert list(host.observe()["containers"]) == [name]
    operation = host.container(environment={"NEXT": "1"}, generation=2, action="recreate")
    host.do(operation)
    assert host.containers() == ["web"]
    assert host.observe()["containers"][name]["spec"] == operation["spec"]


def test_observe_is_quick(host):
    """CPU seconds of one observe of six containers, interpreter start included."""
    host.apply(*(host.container(f"web{i}") for i in range(6)))
    before = os.times()
    host.observe()
    after = os.times()
    used = (after.children_user + after.children_system) - (before.children_user + before.children_system)
    print(f"observe of 6 containers: {used:.2f} s CPU")
    assert used < 0.7


def test_what_is_no_verb(host):
    process = subprocess.run(
        [sys.executable, "-c", "from kolla.host.main import main; main()", uuid.uuid4().hex],
        capture_output=True,
        text=True,
    )
    assert process.returncode == 1
    assert "usage:" in process.stderr and "observe|apply" in process.stderr
