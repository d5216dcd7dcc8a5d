"""Host resources, in a mount and network namespace of their own: nothing of it stays on this machine."""

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from kolla.state.spec import HealthCheck

Json = dict[str, Any]

PROGRAM = """
import json, sys
from kolla.host import resources
from kolla.host.cloud import Cloud
from kolla.host.context import Context
from kolla.host.errors import OperationFailed
from kolla.host.manifest import Manifest
from kolla.host.mounts import is_mount_point

request, *steps = json.load(sys.stdin)
cloud = Cloud.of(request)
for service, wanted in steps:
    operation = {"id": service, "service": service, "resources": {**resources.NONE, **wanted}}
    try:
        outcome = resources.perform(operation, Context(cloud, None, Manifest(cloud), {}))
        ended = [outcome.status, outcome.message]
    except OperationFailed as failure:
        ended = ["failed", str(failure)]
    seen = resources.observe({**resources.NONE, **wanted})
    print(json.dumps({"ended": ended, "seen": seen, "given": resources.given(cloud)}))
mounted = [path for path in Manifest(cloud).entries("mounts") if is_mount_point(path)]
changes, kept = resources.take_all_back(Manifest(cloud))
print(json.dumps({"mounted": mounted, "changes": changes, "kept": kept}))
"""


class Machine:
    """This machine's kernel, seen from namespaces in which sysctls and mounts are one's own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.cloud = {"name": f"test-{uuid.uuid4().hex[:8]}", "id": str(uuid.uuid4())}

    def run(self, *steps: tuple[str, Json], before: str = "true", after: str = "true") -> list[Json]:
        """Give services what they want, one after the other, then take all back; what was seen each time."""
        request = {"cloud": self.cloud, "state_directory": str(self.directory / "state")}
        script = f'{before} && "$@" && {after}'
        done = subprocess.run(
            ["unshare", "--mount", "--net", "sh", "-ec", script, "sh", sys.executable, "-c", PROGRAM],
            input=json.dumps([request, *steps]),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


FORWARD = "net.ipv4.ip_forward"


def test_a_sysctl_is_set_once_and_gets_its_value_back(machine: Machine) -> None:
    wanted = {"sysctls": {FORWARD: "1"}}
    first, second, end = machine.run(
        ("web", wanted),
        ("web", wanted),
        before=f"sysctl -qw {FORWARD}=0",
        after=f"test $(sysctl -n {FORWARD}) = 0",
    )
    assert first["ended"][0] == "done"
    assert first["seen"]["sysctls"] == {FORWARD: "1"}
    assert second["ended"][0] == "skipped"
    assert end == {"mounted": [], "changes": [f"sysctl {FORWARD} is 0 again"], "kept": []}


def test_what_two_services_need_goes_with_the_last_of_them(machine: Machine) -> None:
    wanted = {"sysctls": {FORWARD: "1"}}
    *_, third, fourth, end = machine.run(
        ("web", wanted),
        ("dns", wanted),
        ("web", {}),
        ("dns", {}),
        before=f"sysctl -qw {FORWARD}=0",
        after=f"test $(sysctl -n {FORWARD}) = 0",
    )
    assert list(third["given"]) == ["dns"]
    assert fourth["given"] == {}
    assert end["changes"] == []  # it was taken back before the end


def test_a_sysctl_that_the_kernel_has_not_says_so(machine: Machine) -> None:
    first, _ = machine.run(("web", {"sysctls": {"net.nonsense": "1"}}))
    message = "sysctl net.nonsense cannot be set to '1': this kernel has none of that name"
    assert first["ended"] == ["failed", message]


def test_a_directory_becomes_a_shared_mount_and_goes_again(machine: Machine, tmp_path: Path) -> None:
    path = str(tmp_path / "run" / "netns")
    wanted = {"shared_mounts": [path]}
    first, second, end = machine.run(("web", wanted), ("web", wanted), before="mount --make-rprivate /")
    assert first["ended"] == ["done", ""]
    assert first["seen"]["shared_mounts"] == [path]
    assert second["ended"][0] == "skipped"
    assert end == {"mounted": [path], "changes": [f"unmounted {path}"], "kept": []}


def test_on_a_shared_mount_the_directory_is_enough(machine: Machine, tmp_path: Path) -> None:
    path = str(tmp_path / "netns")
    first, end = machine.run(("web", {"shared_mounts": [path]}), before="mount --make-rshared /")
    assert first["seen"]["shared_mounts"] == [path]
    assert end == {"mounted": [], "changes": [], "kept": []}


def test_a_shared_mount_in_use_stays_and_says_why(machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "netns"
    (path / "inside").mkdir(parents=True)
    # Mounted there before: it comes along, and a mount below another keeps that one.
    first, end = machine.run(
        ("web", {"shared_mounts": [str(path)]}),
        before=f"mount --make-rprivate / && mount -t tmpfs none {path}/inside",
    )
    assert first["ended"] == ["done", ""]
    assert end["kept"] and "busy" in end["kept"][0]


def test_files_and_directories_are_ours_to_remove(machine: Machine, tmp_path: Path) -> None:
    file, directory = tmp_path / "etc" / "kolla-web.conf", tmp_path / "srv" / "web"
    wanted = {"files": {str(file): "text\n"}, "directories": {str(directory): "0711"}}
    first, second, end = machine.run(("web", wanted), ("web", {}))
    nothing: Json = {"modules": [], "sysctls": {}, "shared_mounts": [], "at_destroy": {}}
    assert first["seen"] == {**nothing, **wanted}
    assert second["given"] == {}
    assert not file.exists() and not directory.parent.exists()
    assert end["changes"] == []


def test_a_loaded_module_is_enough_and_one_the_kernel_has_not_fails(machine: Machine) -> None:
    loaded = next(path.name for path in sorted(Path("/sys/module").iterdir()))
    first, second, _ = machine.run(
        ("web", {"modules": [loaded]}), ("web", {"modules": ["kolla_has_no_module"]})
    )
    assert first["ended"] == ["done", ""]
    assert second["ended"][0] == "failed"
    assert "kernel module 'kolla_has_no_module' cannot be loaded" in second["ended"][1]


def test_through_the_protocol(host: Any, tmp_path: Path) -> None:
    file, directory = tmp_path / "kolla-web.conf", tmp_path / "srv" / "web"
    resources = {
        "modules": [],
        "sysctls": {},
        "shared_mounts": [],
        "directories": {str(directory): "0700"},
        "files": {str(file): "text\n"},
        "at_destroy": {},
    }
    operation = {"kind": "host", "id": "host:web@here", "service": "web", "after": [], "timeout": 60}
    host.do({**operation, "resources": resources})
    host.do({**operation, "resources": resources}, status="skipped")
    directory.chmod(0o755)
    state = host.observe(resources=resources)
    assert state["given"] == {"web": resources}
    assert state["resources"] == {**resources, "directories": {str(directory): "0755"}}
    host.do({**operation, "resources": resources})
    answer = host.ask("destroy", volumes=False, images=False, purge=False)
    assert f"removed {file}" in answer["changes"]
    assert f"removed {directory}" in answer["changes"]
    assert answer["kept"] == []
    assert not file.exists() and not directory.parent.exists() and not host.state.exists()


@pytest.mark.parametrize(("command", "ended"), [("true", True), ("false", False)])
def test_what_outlives_a_container_is_ended_in_it_before_it_goes(
    host: Any, command: str, ended: bool
) -> None:
    host.do(host.container("web"))
    name = host.name("web")
    nothing: Json = {"modules": [], "sysctls": {}, "shared_mounts": [], "directories": {}, "files": {}}
    operation = {"kind": "host", "id": "host:web@here", "service": "web", "after": [], "timeout": 60}
    argv = ["/bin/sh", "-c", command]
    host.do({**operation, "resources": {**nothing, "at_destroy": {name: argv}}})
    answer = host.ask("destroy", volumes=False, images=False, purge=False)
    assert (f"ended what outlives container {name}" in answer["changes"]) is ended
    assert any(each.startswith(f"what outlives container {name}") for each in answer["kept"]) is not ended
    assert f"removed container {name}" in answer["changes"]


def test_what_outlives_a_container_that_was_stopped_is_ended_as_well(host: Any) -> None:
    """Also when it does not become healthy, because what it needs was stopped as well."""
    healthy = HealthCheck(command=("test", "!", "-e", "/tmp/alone"), interval=1, timeout=2, retries=9)
    host.do(host.container("web", health=healthy))
    name = host.name("web")
    host.engine.containers.get(name).exec_run(["touch", "/tmp/alone"])
    nothing: Json = {"modules": [], "sysctls": {}, "shared_mounts": [], "directories": {}, "files": {}}
    operation = {"kind": "host", "id": "host:web@here", "service": "web", "after": [], "timeout": 60}
    host.do({**operation, "resources": {**nothing, "at_destroy": {name: ["true"]}}})
    host.engine.containers.get(name).stop(timeout=0)
    answer = host.ask("destroy", volumes=False, images=False, purge=False)
    assert answer["kept"] == []
    assert f"ended what outlives container {name}" in answer["changes"]


def test_what_ran_leaves_nothing_in_a_directory_of_ours_below_run(host: Any, tmp_path: Path) -> None:
    directory = Path("/run") / f"kollahosttest-{host.unique}"
    nothing: Json = {"modules": [], "sysctls": {}, "shared_mounts": [], "files": {}, "at_destroy": {}}
    operation = {"kind": "host", "id": "host:web@here", "service": "web", "after": [], "timeout": 60}
    host.do({**operation, "resources": {**nothing, "directories": {str(directory): "0755"}}})
    (directory / "left.sock").touch()
    answer = host.ask("destroy", volumes=False, images=False, purge=False)
    assert f"removed {directory}" in answer["changes"]
    assert not directory.exists()
