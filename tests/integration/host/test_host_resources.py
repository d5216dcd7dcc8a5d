"""Host resources, in a mount and network namespace of their own: nothing of it stays on this machine."""

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from kolla.host.resources import NONE
from kolla.state.spec import HealthCheck

Json = dict[str, Any]

PROGRAM = """
import json, subprocess, sys, types
from kolla.host import firewall, resources
from kolla.host.cloud import Cloud
from kolla.host.context import Context
from kolla.host.errors import OperationFailed
from kolla.host.manifest import Manifest
from kolla.host.mounts import is_mount_point

request, *steps = json.load(sys.stdin)
cloud = Cloud.of(request)
engine = types.SimpleNamespace(name="docker")
firewall.DROP_INS["docker"] = cloud.directory.parent / "docker.service.d" / "kolla-firewall.conf"
for service, wanted in steps:
    if service == "flush":
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        print(json.dumps({"ended": ["flushed", ""]}))
        continue
    operation = {"id": service, "service": service, "resources": {**resources.NONE, **wanted}}
    try:
        outcome = resources.perform(operation, Context(cloud, engine, Manifest(cloud), {}))
        ended = [outcome.status, outcome.message]
    except OperationFailed as failure:
        ended = ["failed", str(failure)]
    seen = resources.observe({**resources.NONE, **wanted}, cloud)
    print(json.dumps({"ended": ended, "seen": seen, "given": resources.given(cloud)}))
mounted = [path for path in Manifest(cloud).entries("mounts") if is_mount_point(path)]
changes, kept = resources.take_all_back(cloud, Manifest(cloud))
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
    assert first["seen"] == {**NONE, **wanted}
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
        "firewall": [],
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
    operation = {"kind": "host", "id": "host:web@here", "service": "web", "after": [], "timeout": 60}
    argv = ["/bin/sh", "-c", command]
    host.do({**operation, "resources": {**NONE, "at_destroy": {name: argv}}})
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
    operation = {"kind": "host", "id": "host:web@here", "service": "web", "after": [], "timeout": 60}
    host.do({**operation, "resources": {**NONE, "at_destroy": {name: ["true"]}}})
    host.engine.containers.get(name).stop(timeout=0)
    answer = host.ask("destroy", volumes=False, images=False, purge=False)
    assert answer["kept"] == []
    assert f"ended what outlives container {name}" in answer["changes"]


def test_what_ran_leaves_nothing_in_a_directory_of_ours_below_run(host: Any, tmp_path: Path) -> None:
    directory = Path("/run") / f"kollahosttest-{host.unique}"
    operation = {"kind": "host", "id": "host:web@here", "service": "web", "after": [], "timeout": 60}
    host.do({**operation, "resources": {**NONE, "directories": {str(directory): "0755"}}})
    (directory / "left.sock").touch()
    answer = host.ask("destroy", volumes=False, images=False, purge=False)
    assert f"removed {directory}" in answer["changes"]
    assert not directory.exists()


HERE, FRIEND, STRANGER = "10.77.0.1", "10.77.0.2", "10.77.0.6"
ONLY_FRIENDS = f"ip daddr {HERE} tcp dport {{ 8001-8009 }} ip saddr != {{ 10.77.0.0/30 }} drop"
EVERYBODY = f"ip daddr {HERE} tcp dport {{ 8002 }} accept"
OTHERS = """\
ip daddr 10.77.0.1 meta l4proto 112 ip saddr != { 10.77.0.0/30 } drop
ip6 daddr fd00::1 udp dport { 6081 } ip6 saddr != { fd00::/64, fd01::/64 } drop
""".splitlines()

PACKETS = """
import json, socket, subprocess, sys, time
from pathlib import Path
from kolla.host import firewall

here, rules, tries = json.load(sys.stdin)
def run(*argv): subprocess.run(argv, check=True)

def connects(source, port):
    program = "from socket import *; import sys; create_connection(tuple(sys.argv[1:3]), 1, (sys.argv[3], 0))"
    argv = ["nsenter", f"--net=/proc/{other.pid}/ns/net", sys.executable, "-c", program]
    return not subprocess.run([*argv, here, str(port), source], capture_output=True).returncode

other = subprocess.Popen(["unshare", "--net", "sleep", "60"])
while Path(f"/proc/{other.pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink():
    time.sleep(0.05)
run("ip", "link", "set", "lo", "up")
run("ip", "link", "add", "here", "type", "veth", "peer", "name", "there", "netns", str(other.pid))
run("ip", "address", "add", f"{here}/24", "dev", "here")
run("ip", "link", "set", "here", "up")
for source in sorted({source for source, _ in tries}):
    run("nsenter", f"--net=/proc/{other.pid}/ns/net", "ip", "address", "add", f"{source}/24", "dev", "there")
run("nsenter", f"--net=/proc/{other.pid}/ns/net", "ip", "link", "set", "there", "up")
listeners = [socket.create_server((here, port)) for port in sorted({port for _, port in tries})]
seen = []
for script in ("", firewall.script(rules)):
    subprocess.run(["nft", "-f", "-"], input=script, text=True, check=True)
    seen.append([connects(source, port) for source, port in tries])
seen.append(not socket.create_connection((here, tries[0][1]), 1).close())
other.kill()
print(json.dumps(seen))
"""


def test_packets_that_others_send_to_ports_of_the_cloud_are_dropped_and_nothing_else_is() -> None:
    tries = [(FRIEND, 8001), (STRANGER, 8001), (STRANGER, 8002), (STRANGER, 22), (FRIEND, 22)]
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", PACKETS],
        input=json.dumps([HERE, [ONLY_FRIENDS, EVERYBODY, *OTHERS], tries]),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    before, after, to_itself = json.loads(done.stdout)
    assert before == [True] * len(tries)
    assert after == [True, False, True, True, True]
    assert to_itself


def test_rules_are_loaded_once_seen_when_they_are_gone_and_taken_back(machine: Machine) -> None:
    web, dns = {"firewall": [ONLY_FRIENDS]}, {"firewall": OTHERS}
    first, again, second, third, fourth, end = machine.run(
        ("web", web),
        ("web", web),
        ("dns", dns),
        ("web", {}),
        ("web", web),
        before="nft add table inet other",
        # What is somebody else's is there; of ours nothing is.
        after="test \"$(nft list tables)\" = 'table inet other'",
    )
    assert first["ended"] == ["done", ""] and first["seen"] == {**NONE, **web}
    assert again["ended"] == ["skipped", ""]
    assert second["seen"] == {**NONE, **dns}
    assert list(third["given"]) == ["dns"]
    assert fourth["seen"] == {**NONE, **web}
    assert end["changes"] == ["removed the rules of the firewall"]
    assert list((machine.directory / "state").rglob("*.nft")) == []
    assert not (machine.directory / "state" / "docker.service.d").exists()


def test_rules_that_somebody_took_away_are_loaded_again(machine: Machine) -> None:
    web = {"firewall": [ONLY_FRIENDS, EVERYBODY]}
    first, gone, second, _ = machine.run(("web", web), ("flush", {}), ("web", web))
    assert first["ended"][0] == "done"
    assert gone["ended"] == ["flushed", ""]
    assert second["ended"][0] == "done" and second["seen"] == {**NONE, **web}


def test_a_rule_that_the_kernel_does_not_take_says_so(machine: Machine) -> None:
    first, end = machine.run(("web", {"firewall": ["ip daddr nonsense drop"]}))
    assert first["ended"][0] == "failed" and first["ended"][1].startswith("the firewall: 'nft -f ")
    assert end["changes"] == ["removed the rules of the firewall"]


CLOSED = """
from kolla.host import firewall
print(*firewall.closed(), sep="\\n")
"""
CHAINS = """\
add table inet kolla
add chain inet kolla input { type filter hook input priority 0; policy drop; }
add table ip closed
add chain ip closed input { type filter hook input priority 0; policy drop; }
add table inet rejecting
add chain inet rejecting in { type filter hook input priority 5; }
add rule inet rejecting in tcp dport 22 accept
add rule inet rejecting in counter reject
add table inet open
add chain inet open in { type filter hook input priority 5; }
add rule inet open in tcp dport 23 drop
add chain inet open out { type filter hook output priority 5; policy drop; }
add chain inet open unused
add rule inet open unused drop
"""


def test_chains_of_others_that_close_all_they_do_not_name_are_found() -> None:
    script = 'nft -f - && exec "$@"'
    argv = ["unshare", "--net", "sh", "-ec", script, "sh", sys.executable, "-c", CLOSED]
    done = subprocess.run(argv, input=CHAINS, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["ip closed input", "inet rejecting in"]
