"""The executor with the real `ansible-playbook`, over the local connection."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.ansible.plans import job, plan, volume

from kolla.ansible import environment
from kolla.ansible.executor import CloudIdentity, Executor
from kolla.ansible.outcome import BrokenHostsError
from kolla.errors import InputError, KollaError
from kolla.events import Event

Make = Callable[..., Any]


def asked(stand_in: Path) -> list[Any]:
    return [json.loads(line) for line in (stand_in / "asked").read_text().splitlines()]


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_a_host_is_asked_and_its_code_is_put_there_once(make: Make, tmp_path: Path, stand_in: Path) -> None:
    executor = make()
    for _ in range(2):
        answers = executor.ask("observe", {"localhost": {"images": ["sha256:0"]}})
        assert answers == {"localhost": {"secret": "geheim-from-host"}}
    request = {"cloud": {"name": "kolla", "id": "an-id"}, "engine": "docker", "images": ["sha256:0"]}
    assert asked(stand_in) == [["observe", request]] * 2
    (directory,) = (tmp_path / "bin").iterdir()
    assert directory.name.startswith("host-")
    assert directory.stat().st_mode & 0o777 == 0o700


def test_the_real_code_for_hosts_runs_and_goes_with_the_last_cloud(inventory: Path, tmp_path: Path) -> None:
    state = tmp_path / "kolla"
    cloud = CloudIdentity("executor-test", str(uuid.uuid4()))
    executor = Executor([str(inventory)], cloud, host_directory=str(state / "bin"))
    here = {"state_directory": str(state)}
    etc = tmp_path / "etc"
    executor.ask("bootstrap", {"localhost": {**here, "node_config": str(etc)}})
    (directory,) = (state / "bin").iterdir()
    assert directory.name == executor.archive.name
    request = {**here, "volumes": False, "images": False, "purge": False}
    answer = executor.ask("destroy", {"localhost": request})["localhost"]
    assert answer == {"changes": [f"removed {etc}"], "kept": []}
    assert not state.exists()


def test_a_plan_is_applied_and_events_arrive_while_it_goes_on(make: Make, stand_in: Path) -> None:
    events: list[Event] = []
    hold = stand_in / "hold"

    def see(event: Event) -> None:
        events.append(event)

    a, b = volume("a", "localhost"), job("b", "localhost", {"x": "11"}, ["volume:a@localhost"])
    hold.touch()
    threading.Timer(0, lambda: (until((stand_in / "operations").exists), hold.unlink())).start()
    outcome = make(on_event=see, phase="deploy").apply(plan(a, b), {"11": b"geheim"}, {"pid": 1}, 5)
    assert {o: r.status for o, r in outcome.operations.items()} == {a.id: "done", b.id: "done"}
    assert [(e.phase, e.subject, e.host, e.status) for e in events] == [
        ("deploy", a.id, "localhost", "done"),
        ("deploy", b.id, "localhost", "done"),
    ]
    verbs = [verb for verb, _ in asked(stand_in)]
    assert verbs == ["apply", "follow", "follow", "release"]


def test_no_secret_is_in_what_ansible_prints_however_loud(
    make: Make, tmp_path: Path, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loud = environment.variables() | {"ANSIBLE_VERBOSITY": "4", "ANSIBLE_STDOUT_CALLBACK": "default"}
    monkeypatch.setattr(environment, "variables", lambda: loud | {"STAND_IN": str(stand_in)})
    executor = make(state_directory=tmp_path)
    executor.ask("observe", {"localhost": {"password": "geheim-from-us"}})
    outcome = executor.apply(plan(job("b", "localhost", {"x": "11"})), {"11": b"geheim-file"}, {}, 5)
    assert not outcome.failures()
    printed = (tmp_path / "ansible.log").read_text()
    assert "ESTABLISH LOCAL CONNECTION" in printed  # it was loud
    assert "geheim" not in printed
    assert "Z2VoZWltLWZpbGU" not in printed  # the same in base64


def test_ansible_prints_nothing_and_leaves_nothing_behind(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    make(state_directory=tmp_path).ask("observe", {"localhost": {}})
    assert (tmp_path / "ansible.log").read_text() == ""
    assert list(temporary.iterdir()) == []


def test_the_operators_own_ansible_settings_change_nothing(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ansible.cfg").write_text("[defaults]\nstdout_callback = no_such\nhost_key_checking = x\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANSIBLE_CONFIG", str(tmp_path / "ansible.cfg"))
    monkeypatch.setenv("ANSIBLE_STRATEGY", "no_such")
    monkeypatch.setenv("LANG", "C")
    assert make().ask("observe", {"localhost": {}})


def test_code_that_fails_on_a_host_is_told_with_its_words(make: Make) -> None:
    with pytest.raises(BrokenHostsError, match=r"host localhost failed: .*the code fell over") as caught:
        make().ask("crash", {"localhost": {}})
    assert "ansible_become" in str(caught.value)


def test_a_host_without_python_is_told(make: Make, inventory: Path) -> None:
    inventory.write_text("localhost ansible_connection=local ansible_python_interpreter=/no/python3\n")
    with pytest.raises(BrokenHostsError, match="/no/python3 cannot be run on the host"):
        make().ask("observe", {"localhost": {}})


def test_an_unreachable_host_is_told_with_its_address_and_others_answer(
    make: Make, inventory: Path, stand_in: Path
) -> None:
    inventory.write_text(
        "localhost ansible_connection=local\n"
        "away ansible_host=127.0.0.1 ansible_port=1 ansible_ssh_common_args='-F /dev/null'\n"
    )
    with pytest.raises(BrokenHostsError, match=r"host away \(127.0.0.1\) cannot be reached: .*refused"):
        make().ask("observe", {"localhost": {}, "away": {}})
    assert [verb for verb, _ in asked(stand_in)] == ["observe"]


def test_become_that_fails_is_told(make: Make, inventory: Path) -> None:
    inventory.write_text("localhost ansible_connection=local ansible_become_user=no-such-user\n")
    with pytest.raises(BrokenHostsError, match=r"(?s)host localhost failed: .*sudo"):
        make().ask("observe", {"localhost": {}})


def test_a_broken_inventory_is_ansibles_own_message(make: Make, inventory: Path) -> None:
    inventory.write_text("[all\nx y=\n")
    with pytest.raises(KollaError, match=r"(?s)Ansible failed: Completely failed to parse .*  as ini: "):
        make().ask("observe", {"localhost": {}})


def test_a_host_that_is_not_in_the_inventory_is_told(make: Make) -> None:
    with pytest.raises(InputError, match="not in the inventory: elsewhere"):
        make().ask("observe", {"localhost": {}, "elsewhere": {}})


def test_an_error_of_the_listener_comes_out(make: Make) -> None:
    def broken(event: Event) -> None:
        raise RuntimeError("the terminal is gone")

    with pytest.raises(RuntimeError, match="the terminal is gone"):
        make(on_event=broken).apply(plan(volume("a", "localhost")), {}, {}, 5)


DEPLOYER = """
import sys
from pathlib import Path
from kolla.ansible.archive import Archive
from kolla.ansible.executor import CloudIdentity, Executor
from unit.ansible.plans import plan, volume

here = Path(sys.argv[1])
executor = Executor([str(here / "inventory")], CloudIdentity("kolla", "id"), host_directory=str(here / "bin"),
    archive=Archive.of(here / "code", libraries=()), on_event=lambda event: print(event.phase, flush=True))
operations = [volume("a", "localhost"), volume("b", "other", ["volume:a@localhost"])]
try:
    executor.apply(plan(*operations), {}, {}, 5)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


SLOW = """
import os, time

at_once = os.killpg

def killpg(group, signal):
    time.sleep(1)
    at_once(group, signal)

os.killpg = killpg
"""


@pytest.fixture
def slow_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of Ansible pass on the signal to end a second late, as on a very busy machine."""
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "sitecustomize.py").write_text(SLOW)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "slow"))


@pytest.fixture
def deployer(tmp_path: Path, make: Make, inventory: Path, stand_in: Path) -> Iterator[subprocess.Popen[str]]:
    """A deployer of two steps in a process of its own, now waiting for the first one on `localhost`."""
    inventory.write_text("localhost ansible_connection=local\nother ansible_connection=local\n")
    (stand_in / "hold").touch()
    path = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(
        [sys.executable, "-c", DEPLOYER, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
        stdout=subprocess.PIPE,
        text=True,
    )

    def waits() -> bool:
        assert process.poll() is None, "it ended by itself"
        return (stand_in / "asked").exists() and "follow" in [verb for verb, _ in asked(stand_in)]

    try:
        until(waits)
        yield process
    finally:
        (stand_in / "hold").unlink(missing_ok=True)  # whatever still waits comes to its end
        process.kill()
        process.communicate()


def children(pid: int) -> set[int]:
    """Descendants of a process, in whatever session they are."""
    found: set[int] = set()
    new = {pid}
    while new:
        parents = ",".join(map(str, new))
        listed = subprocess.run(["pgrep", "-P", parents], capture_output=True, text=True, check=False)
        new = {int(line) for line in listed.stdout.split()} - found
        found |= new
    return found


def ended(pid: int) -> bool:
    """Whether a process has ended, also when nobody has asked yet how (proc(5))."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_ctrl_c_lets_the_step_end_and_gives_leases_back(
    deployer: subprocess.Popen[str], stand_in: Path
) -> None:
    deployer.send_signal(signal.SIGINT)
    assert deployer.stdout is not None
    assert deployer.stdout.readline() == "stop\n"
    (stand_in / "hold").unlink()
    assert "interrupted" in deployer.communicate(timeout=30)[0]
    verbs = [verb for verb, _ in asked(stand_in)]
    assert verbs.count("apply") == 2 and verbs[-2:] == ["release", "release"]


def test_a_second_ctrl_c_ends_at_once(deployer: subprocess.Popen[str], stand_in: Path) -> None:
    below = children(deployer.pid)
    assert deployer.stdout is not None
    deployer.send_signal(signal.SIGINT)
    assert deployer.stdout.readline() == "stop\n"
    deployer.send_signal(signal.SIGINT)
    assert "interrupted" in deployer.communicate(timeout=20)[0]
    until(lambda: all(map(ended, below)))
    assert "release" not in [verb for verb, _ in asked(stand_in)]


def test_ansible_does_not_outlive_a_killed_deployer(deployer: subprocess.Popen[str], stand_in: Path) -> None:
    below = children(deployer.pid)
    assert len(below) >= 2
    deployer.kill()
    deployer.wait()
    until(lambda: all(map(ended, below)))


def test_a_worker_told_twice_to_end_still_ends_what_it_started(
    slow_workers: None, deployer: subprocess.Popen[str]
) -> None:
    """By Ansible's own handler, and by the kernel when Ansible has ended."""
    below = children(deployer.pid)
    deployer.kill()
    until(lambda: all(map(ended, below)), 20)


def test_what_ansible_started_does_not_outlive_it(deployer: subprocess.Popen[str]) -> None:
    """However it ended: a worker that it was just starting is not told by Ansible's own handler."""
    below = children(deployer.pid)
    (ansible,) = subprocess.run(
        ["pgrep", "-P", str(deployer.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    os.kill(int(ansible), signal.SIGKILL)
    until(lambda: all(map(ended, below)), 20)
