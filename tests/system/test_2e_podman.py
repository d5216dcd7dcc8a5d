"""A cloud with servers on a host whose engine is podman, which bootstrap-servers installs there: deployed,
changed, killed, switched off, and removed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from system.client import Demo
from system.harness import Kolla, qemu_pid
from system.multinode import HOST, cloud_with_servers
from system.rig import Rig

from bench.pings import Pings

pytestmark = pytest.mark.long

NAMES = {"mariadb", "rabbitmq", "keystone", "haproxy", "nova_libvirt", "nova_compute", "openvswitch_vswitchd"}
"""Some of the containers."""
AROUND = ("nova_compute", "nova_libvirt", "ovn_controller")
"""Containers that a server goes on without."""
GAP = 0.5
"""Seconds: a ping that a busy machine answers late."""
PATIENCE = 180
"""Seconds; the machine may be busy."""


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig.running("podman", [HOST]) as rig:
        yield rig


@pytest.fixture(scope="module")
def cloud(
    rig: Rig, machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kolla]:
    """A cloud on the host, deployed."""
    config = tmp_path_factory.mktemp("podman")
    settings = {"kolla_container_engine": "podman"}
    with cloud_with_servers(rig, config, "pod", settings, machine_globals) as cloud:
        yield cloud


@pytest.fixture
def demo(cloud: Kolla) -> Demo:
    """The server that init-runonce has made."""
    demo = Demo.of(cloud.config_directory)
    demo.login.wait()
    return demo


def inspected(rig: Rig) -> dict[str, Any]:
    """What podman itself shows of each of its containers."""
    ids = rig.run(HOST, ["podman", "ps", "--all", "--quiet"]).split()
    found = json.loads(rig.run(HOST, ["podman", "inspect", *ids])) if ids else []
    return {container["Name"]: container for container in found}


def started(rig: Rig) -> dict[str, str]:
    return {name: f"{c['Id']} {c['State']['StartedAt']}" for name, c in inspected(rig).items()}


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(1)


def is_well(cloud: Kolla) -> bool:
    return cloud.plan() == [] and all(found["ok"] for found in cloud.json("check"))


def test_everything_runs_in_podman_and_nothing_in_docker(rig: Rig, cloud: Kolla) -> None:
    containers = inspected(rig)
    assert containers.keys() >= NAMES
    assert {c["State"]["Status"] for c in containers.values()} == {"running"}
    assert rig.run(HOST, ["docker", "ps", "--all", "--quiet"]) == ""
    assert is_well(cloud)


def test_systemd_has_podman_ask_for_their_health(rig: Rig, cloud: Kolla) -> None:
    def verdicts() -> set[str]:
        containers = (c for c in inspected(rig).values() if c["Config"]["Healthcheck"]["Test"] != ["NONE"])
        return {container["State"]["Health"]["Status"] for container in containers}

    wait_for(lambda: verdicts() == {"healthy"})


def test_a_server_has_its_name_and_goes_on_while_what_is_around_it_is_made_again(
    rig: Rig, cloud: Kolla, demo: Demo
) -> None:
    assert demo.login.run("hostname").strip() == demo.name
    pid, before = qemu_pid(demo.id), inspected(rig)
    with Pings(demo.login.address) as pings:
        rig.run(HOST, ["podman", "rm", "--force", *AROUND])
        cloud.run("deploy")
    print(f"{', '.join(AROUND)} removed and deployed: {pings}")
    assert pings.longest_gap <= GAP
    assert {name for name, c in inspected(rig).items() if c["Id"] != before[name]["Id"]} == {*AROUND}
    assert qemu_pid(demo.id) == pid
    assert is_well(cloud)
    demo.try_another("beside")


def test_a_changed_option_starts_one_container_again(rig: Rig, cloud: Kolla) -> None:
    before = started(rig)
    cloud.set(keystone_token_expiration=7300)
    cloud.run("reconfigure")
    after = started(rig)
    assert {name for name in after if after[name] != before.get(name)} == {"keystone"}
    assert is_well(cloud)


def test_a_container_that_is_killed_comes_back(rig: Rig, cloud: Kolla) -> None:
    before = inspected(rig)["mariadb"]
    rig.run(HOST, ["kill", "-9", str(before["State"]["Pid"])])
    wait_for(lambda: inspected(rig)["mariadb"]["State"]["StartedAt"] != before["State"]["StartedAt"])
    cloud.run("deploy")
    assert inspected(rig)["mariadb"]["Id"] == before["Id"]
    assert is_well(cloud)


@pytest.mark.parametrize("off", [Rig.stop, Rig.kill])
def test_a_host_that_was_switched_off_comes_back_with_its_containers(
    rig: Rig, cloud: Kolla, off: Callable[[Rig, str], None]
) -> None:
    before = {name: container["Id"] for name, container in inspected(rig).items()}
    off(rig, HOST)
    rig.start(HOST)
    wait_for(lambda: {c["State"]["Status"] for c in inspected(rig).values()} == {"running"})
    cloud.run("deploy")
    assert {name: container["Id"] for name, container in inspected(rig).items()} == before
    assert is_well(cloud)


def test_a_container_made_otherwise_by_hand_is_made_as_it_should_be(rig: Rig, cloud: Kolla) -> None:
    rig.run(HOST, ["podman", "rm", "--force", "memcached"])
    cloud.run("deploy")
    assert is_well(cloud)


def test_the_engine_of_a_cloud_is_not_changed_by_the_way(rig: Rig, cloud: Kolla) -> None:
    cloud.set(kolla_container_engine="docker")
    try:
        for verb in ("deploy", "prechecks", "bootstrap-servers"):
            said = cloud.run(verb, expect=1)
            assert "podman has this cloud on this host" in said
            assert "set kolla_container_engine: podman" in said
    finally:
        cloud.set(kolla_container_engine="podman")
    assert is_well(cloud)


def test_destroy_leaves_nothing(rig: Rig, cloud: Kolla) -> None:
    cloud.run("destroy", "--volumes", "--images", "--yes-i-really-really-mean-it")
    assert inspected(rig) == {}
    assert rig.run(HOST, ["podman", "volume", "ls", "--quiet"]) == ""
    assert rig.run(HOST, ["podman", "images", "--quiet"]) == ""
    cloud.run("destroy", "--purge", "--yes-i-really-really-mean-it")
    for path in ("/usr/bin/podman", "/etc/containers/registries.conf.d/kolla.conf", "/var/lib/kolla"):
        rig.run(HOST, ["test", "!", "-e", path])
