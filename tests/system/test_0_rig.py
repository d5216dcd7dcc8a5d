"""The rig does what the tests of the product lean on, and the executor works over SSH on it."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from system.rig import Rig

from kolla.ansible import environment
from kolla.ansible.archive import Archive
from kolla.ansible.executor import CloudIdentity, Executor
from kolla.ansible.outcome import BrokenHostsError

HOST_CODE = """\
import json, os, sys, time
def main():
    request = json.load(sys.stdin)
    time.sleep(request.get("seconds", 0))
    print(json.dumps({"verb": sys.argv[1], "host": os.uname().nodename, "word": request["word"],
                      "user": os.getuid()}))
"""


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig.running("test-rig", ["node1", "node2"], disk="2G") as rig:
        yield rig


@pytest.fixture
def executor(rig: Rig, tmp_path: Path) -> Executor:
    code = tmp_path / "host"
    code.mkdir()
    (code / "main.py").write_text(HOST_CODE)
    return Executor([str(rig.inventory)], CloudIdentity("kolla", "id"), archive=Archive.of(code))


@pytest.fixture(scope="module")
def image(rig: Rig) -> Iterator[str]:
    """A small image in the rig's registry, pushed by the engine of this machine."""
    client = docker.from_env()
    stream, _ = client.containers.get("kolla-rig-test-rig-node1").get_archive("/bin/busybox")
    source = tarfile.open(fileobj=io.BytesIO(b"".join(stream)))  # noqa: SIM115
    program = source.extractfile("busybox")
    assert program is not None
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as root:
        content = program.read()
        entry = tarfile.TarInfo("bin/busybox")
        entry.size, entry.mode = len(content), 0o755
        root.addfile(entry, io.BytesIO(content))
        shell = tarfile.TarInfo("bin/sh")
        shell.type, shell.linkname = tarfile.SYMTYPE, "busybox"
        root.addfile(shell)
    name = f"{rig.registry}/example"
    client.api.import_image_from_data(buffer.getvalue(), repository=name, tag="1")
    client.images.push(name, tag="1")
    yield f"{name}:1"
    client.images.remove(f"{name}:1")


def test_hosts_answer_over_ssh(executor: Executor) -> None:
    answers = executor.ask("observe", {"node1": {"word": "a"}, "node2": {"word": "b"}})
    assert answers == {
        "node1": {"verb": "observe", "host": "node1", "word": "a", "user": 0},
        "node2": {"verb": "observe", "host": "node2", "word": "b", "user": 0},
    }


def test_a_host_is_a_host_of_its_own(rig: Rig) -> None:
    assert rig.run("node1", ["systemctl", "is-active", "docker", "ssh"]).split() == ["active", "active"]
    assert rig.run("node1", ["cat", "/proc/1/comm"]) == "systemd\n"
    keys = {
        rig.run(host, ["cat", "/etc/ssh/ssh_host_ed25519_key.pub"]).split()[1] for host in ("node1", "node2")
    }
    assert len(keys) == 2


def interfaces(rig: Rig, host: str) -> dict[str, list[str]]:
    """The interfaces of a host that are up, and their addresses."""
    shown = json.loads(rig.run(host, ["ip", "-json", "-4", "address", "show", "up"]))
    addressed = {each["ifname"]: [held["local"] for held in each["addr_info"]] for each in shown}
    links = json.loads(rig.run(host, ["ip", "-json", "link", "show", "up"]))
    names = [each["ifname"] for each in links if each.get("link_type") == "ether"]
    return {name: addressed.get(name, []) for name in names if name.startswith("eth")}


def has_its_interfaces(rig: Rig, host: str) -> None:
    expected = {"eth0": [rig.address(host)], "eth1": [rig.address(host, "tunnel")], "eth2": []}
    assert interfaces(rig, host) == expected
    assert rig.run(host, ["ip", "-4", "route", "show", "default"]).split()[4] == "eth0"


def test_hosts_have_an_interface_in_each_network(rig: Rig) -> None:
    has_its_interfaces(rig, "node1")
    has_its_interfaces(rig, "node2")
    rig.run("node1", ["busybox", "ping", "-c1", "-W5", "-I", "eth1", rig.address("node2", "tunnel")])


def test_engines_of_hosts_run_images_of_the_registry(rig: Rig, image: str) -> None:
    rig.run("node2", ["docker", "pull", image])
    run = ["docker", "run", "--network", "host", "--volume", "data:/data", image, "/bin/busybox"]
    rig.run("node2", [*run, "sh", "-c", "echo kept > /data/file"])
    assert rig.run("node2", [*run, "cat", "/data/file"]) == "kept\n"
    health = ["--health-cmd", "true", "--health-interval", "1s"]
    detached = ["docker", "run", "--detach", "--init", "--name", "checked", "--network", "host", *health]
    rig.run("node2", [*detached, image, "/bin/busybox", "sleep", "600"])
    state = "docker inspect --format {{.State.Health.Status}} checked"
    until = f"until {state} | grep -qx healthy; do sleep 0.2; done"
    rig.run("node2", ["timeout", "30", "sh", "-c", until])


def test_an_ordinary_user_becomes_root(rig: Rig, executor: Executor, tmp_path: Path) -> None:
    rig.run("node1", ["useradd", "--create-home", "deployer"])
    rig.run("node1", ["cp", "-r", "/root/.ssh", "/home/deployer/"])
    rig.run("node1", ["chown", "-R", "deployer:", "/home/deployer/.ssh"])
    own = tmp_path / "inventory"
    own.write_text("node1 ansible_user=deployer\n")
    sources = [str(rig.inventory), str(own)]
    by_deployer = Executor(sources, CloudIdentity("kolla", "id"), archive=executor.archive)
    with pytest.raises(BrokenHostsError, match=r"(?s)host node1 .*sudo.*ansible_become_password"):
        by_deployer.ask("observe", {"node1": {"word": "a"}})
    sudo = "echo 'deployer ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/deployer"
    rig.run("node1", ["sh", "-c", sudo])
    assert by_deployer.ask("observe", {"node1": {"word": "a"}})["node1"]["user"] == 0


def test_no_secret_is_in_what_ansible_prints_however_loud(
    rig: Rig, executor: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loud = environment.variables() | {"ANSIBLE_VERBOSITY": "5", "ANSIBLE_STDOUT_CALLBACK": "default"}
    monkeypatch.setattr(environment, "variables", lambda: loud)
    identity = CloudIdentity("kolla", "id")
    loudly = Executor([str(rig.inventory)], identity, archive=executor.archive, state_directory=tmp_path)
    assert loudly.ask("observe", {"node1": {"word": "geheim"}})["node1"]["word"] == "geheim"
    printed = (tmp_path / "ansible.log").read_text()
    assert "ESTABLISH SSH CONNECTION" in printed
    assert "geheim" not in printed


def test_a_power_cut_is_noticed_and_a_boot_brings_the_host_back(rig: Rig, executor: Executor) -> None:
    rig.run("node1", ["sh", "-c", "echo here > /var/lib/mark && sync"])
    rig.kill("node1")
    with pytest.raises(
        BrokenHostsError, match=r"host node1 \(10\.213\.\d+\.11\) cannot be reached: "
    ) as caught:
        executor.ask("observe", {"node1": {"word": "a"}, "node2": {"word": "b"}})
    assert list(caught.value.broken) == ["node1"]
    rig.start("node1")
    assert rig.run("node1", ["cat", "/var/lib/mark"]) == "here\n"
    has_its_interfaces(rig, "node1")
    assert executor.ask("observe", {"node1": {"word": "back"}})["node1"]["word"] == "back"


def test_after_a_boot_of_the_machine_hosts_and_registry_are_where_they_were(rig: Rig, image: str) -> None:
    registry, addresses = rig.registry, [rig.address(host) for host in rig.hosts]
    client = docker.from_env()
    for container in client.containers.list(filters={"label": "kolla.rig=test-rig"}):
        container.kill()
    rig.wake()
    assert (rig.registry, [rig.address(host) for host in rig.hosts]) == (registry, addresses)
    assert rig.hosts == ["node1", "node2"]
    has_its_interfaces(rig, "node2")
    rig.run("node1", ["docker", "pull", image])


def test_a_host_that_falls_silent_is_noticed(rig: Rig, executor: Executor) -> None:
    freeze = threading.Timer(10, rig.freeze, ["node2"])
    freeze.start()
    begin = time.monotonic()
    try:
        with pytest.raises(BrokenHostsError, match=r"host node2 .* cannot be reached"):
            executor.ask("observe", {"node2": {"word": "a", "seconds": 300}})
        assert time.monotonic() - begin < 150
    finally:
        freeze.join()
        rig.thaw("node2")


def reaches(rig: Rig, host: str, address: str) -> bool:
    try:
        rig.run(host, ["busybox", "ping", "-c1", "-W2", address])
    except RuntimeError:
        return False
    return True


def test_a_host_that_is_cut_off_sees_its_links_and_nobody_else(rig: Rig, executor: Executor) -> None:
    neighbours = [rig.address("node2"), rig.address("node2", "tunnel"), str(rig.subnet("api")[1])]
    rig.cut_off("node1")
    try:
        assert [reaches(rig, "node1", address) for address in neighbours] == [False] * 3
        assert not reaches(rig, "node2", rig.address("node1"))
        has_its_interfaces(rig, "node1")
        assert rig.run("node1", ["cat", "/sys/class/net/eth0/carrier"]) == "1\n"
        with pytest.raises(BrokenHostsError, match=r"host node1 .* cannot be reached"):
            executor.ask("observe", {"node1": {"word": "a"}})
    finally:
        rig.reconnect("node1")
    assert [reaches(rig, "node1", address) for address in neighbours] == [True] * 3
    assert executor.ask("observe", {"node1": {"word": "back"}})["node1"]["word"] == "back"


def test_a_disk_that_is_full_is_that_of_one_host(rig: Rig) -> None:
    write = ["sh", "-c", "head -c 100000 /dev/zero > /var/lib/docker/volumes/mark && sync"]
    rig.fill("node1")
    try:
        with pytest.raises(RuntimeError, match="No space left on device"):
            rig.run("node1", write)
        rig.run("node2", write)
        assert shutil.disk_usage("/").free > 1 << 30
    finally:
        rig.free("node1")
    rig.run("node1", write)
    rig.kill("node1")
    rig.start("node1")
    assert rig.run("node1", ["stat", "-c%s", "/var/lib/docker/volumes/mark"]) == "100000\n"


def test_down_removes_what_up_made_and_nothing_else() -> None:
    client = docker.from_env()
    other = client.volumes.create("kolla-rig-test-bystander")
    try:
        rig = Rig("test-down")
        rig.up(["only"])
        assert len(_belongings(client, "test-down")) == 7
        with pytest.raises(RuntimeError, match="only: its disk is the machine's"):
            rig.fill("only")
        rig.down()
        assert _belongings(client, "test-down") == []
        assert not rig.directory.exists()
        assert client.volumes.get(other.name)
    finally:
        other.remove()


def _belongings(client: docker.DockerClient, name: str) -> list[object]:
    label = {"label": f"kolla.rig={name}"}
    return [
        *client.containers.list(all=True, filters=label),
        *client.volumes.list(filters=label),
        *client.networks.list(filters=label),
    ]
