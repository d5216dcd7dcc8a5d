"""`make cloud HOSTS=4`: a cloud of several hosts for somebody with one machine, from nothing to nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import docker
import pytest
from system.client import Demo
from system.harness import Kolla, make, started
from system.rig import Rig

from bench.pings import Pings

DIRECTORY = Path("/etc/kolla-hosts")
RIG = "hosts"


def tags(engine: docker.DockerClient) -> set[str]:
    """The names of all images of clouds."""
    return {tag for each in engine.api.images() for tag in each["RepoTags"] or () if "kolla/" in tag}


@pytest.mark.long
def test_a_cloud_of_emulated_hosts_is_used_changed_switched_off_and_on_and_removed(
    cloud: Kolla, engine: docker.DockerClient, machine_globals: Path | None
) -> None:
    beside, images = started(engine), tags(engine)
    given = [f"GLOBALS={machine_globals}"] if machine_globals else []
    try:
        said = make("cloud", "HOSTS=4", *given)
        assert "The cloud is ready." in said
        assert "node1, node2, node3: control and network; node4: servers" in said
        hosts = Kolla(DIRECTORY)
        assert hosts.plan() == []

        demo = Demo.of(DIRECTORY)
        with Pings(demo.login.address) as pings:
            assert demo.login.run("hostname").strip() == "demo1"
        assert pings.answered and not pings.lost, str(pings)
        assert demo.server["OS-EXT-SRV-ATTR:host"] == "node4"
        words = ["ssh", "-F", str(DIRECTORY / "ssh_config"), "node2", "hostname"]
        assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "node2\n"

        hosts.override("keystone.conf", "[token]\nexpiration = 7200\n")
        assert {operation["host"] for operation in hosts.plan()} == {"node1", "node2", "node3"}
        hosts.run("deploy")
        assert hosts.plan() == []

        rig = Rig(RIG)
        for host in rig.hosts:  # as when the machine itself is switched off
            rig.kill(host)
        engine.containers.get(f"kolla-rig-{RIG}-registry").kill()
        assert "The cloud is ready." in make("cloud", "HOSTS=4", *given)
        assert Kolla(DIRECTORY).plan() == []
    finally:
        said = make("clean-cloud", "HOSTS=4")
    assert "removed hosts node1, node2, node3, node4" in said
    label = {"label": f"kolla.rig={RIG}"}
    assert [*engine.containers.list(all=True, filters=label), *engine.networks.list(filters=label)] == []
    assert engine.volumes.list(filters=label) == []
    assert [path.name for path in DIRECTORY.rglob("*") if path.is_file()] == ["keystone.conf"]
    assert (started(engine), tags(engine)) == (beside, images)
    (DIRECTORY / "config/keystone.conf").unlink()
    (DIRECTORY / "config").rmdir()
    DIRECTORY.rmdir()
