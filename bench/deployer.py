"""Measure the deployer beside today's kolla-ansible from PyPI: `make bench-deployer`.

Same machine, same run, each on an emulated host of its own (`tests/system/rig`) that it reaches over SSH:
what either does to a host stays there. Ours is an all-in-one cloud, deployed for real; the peer, whose images
come from a registry, deploys services that need nothing of what is inside their containers
(`bench.peer_deployer`). Processor time of rendering counts both ends.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import docker
import yaml

from bench import machine
from bench.figure import Figure, show
from bench.peer_deployer import HOST_PACKAGES, SAME_AS_OURS, TRIVIAL, TRIVIAL_SERVICES, PeerDeployer, Tasks
from bench.spent import Spent, spent
from bench.verbs import KOLLA, REPEAT, Verbs
from kolla import __version__
from kolla.api import Cloud
from kolla.places import Places
from tests.system.rig import Rig
from tests.system.rig.builds import take_over
from tests.system.rig.rig import LABEL

HERE = Path(__file__).parent
NAME = "bench-deployer"
"""Of the rig, and of our cloud."""
OURS, PEER = "ours", "peer"
"""The hosts."""
VIP = 250
"""Number of the virtual address in the network of the API."""

RENDERING = 10
"""So many times less processor time than the peer is to be taken for rendering,"""
TASKS = 50
"""so many times fewer tasks,"""
IDLE = 20
"""and so many times less time, for each service, by a deploy with nothing to do."""


@dataclass(frozen=True)
class Took:
    """What a verb took."""

    wall: float
    here: float
    """Seconds of processors, of the program and all it started."""
    host: float
    """Seconds that its host had of processors meanwhile."""
    tasks: Tasks

    @property
    def processor(self) -> float:
        """Seconds, on both ends."""
        return self.here + self.host


@dataclass(frozen=True)
class Side:
    """What was measured of one deployer."""

    versions: str
    rendered: Took
    files: int
    """That rendering wrote."""
    idle: Took
    """A deploy with nothing to do."""
    services: int
    """That it was of."""


def figures(ours: Side, peer: Side) -> Iterator[Figure]:
    """What is judged."""
    rendered, limit = ours.rendered, peer.rendered.processor / RENDERING
    yield Figure("genconfig, processor time", rendered.processor, "s", limit)
    yield Figure("  the peer", peer.rendered.processor, "s")
    yield Figure("  on the host", rendered.host, "s")
    yield Figure("  the peer, on the host", peer.rendered.host, "s")
    yield Figure("  Ansible tasks", rendered.tasks.all, "tasks", peer.rendered.tasks.all / TASKS)
    yield Figure("  the peer", peer.rendered.tasks.all, "tasks")
    yield Figure("    skipped ones among them", peer.rendered.tasks.skipped, "tasks")
    yield Figure("  files written", ours.files, "")
    yield Figure("  the peer", peer.files, "")
    yield Figure("  wall time", rendered.wall, "s")
    yield Figure("  the peer", peer.rendered.wall, "s")
    each, each_of_peer = ours.idle.wall / ours.services, peer.idle.wall / peer.services
    yield Figure("deploy, nothing to do: each service", each, "s", each_of_peer / IDLE)
    yield Figure("  the peer", each_of_peer, "s")
    yield Figure(f"  all {ours.services} services", ours.idle.wall, "s")
    yield Figure(f"  the peer, {peer.services} services", peer.idle.wall, "s")
    yield Figure("  processor time, each service", ours.idle.processor / ours.services, "s")
    yield Figure("  the peer", peer.idle.processor / peer.services, "s")
    yield Figure("  Ansible tasks", ours.idle.tasks.all, "tasks")
    yield Figure("  the peer", peer.idle.tasks.all, "tasks")


def took(host: str, *command: str, environment: Mapping[str, str] | None = None) -> tuple[Spent, float]:
    """Run a verb that works on this host of the rig: what it takes, and processor time on the host."""
    found = docker.from_env().containers.list(filters={"label": f"{LABEL}={NAME}"})
    (container,) = (one for one in found if one.attrs["Config"]["Hostname"] == host)
    before = machine.processor_time(container)
    here = spent(*command, environment=environment)
    there = machine.processor_time(container) - before
    print(
        f"{host}: {here.wall:.1f} s, processors {here.processor:.1f} + {there:.1f} s: {command}", flush=True
    )
    return here, there


def measure_peer(rig: Rig, peer: PeerDeployer) -> Side:
    """Deploy its trivial services, again, and render the others on the same host: rendering asks its toolbox,
    which is there then."""
    rig.run(PEER, ["apt-get", "update", "--quiet"])
    rig.run(PEER, ["apt-get", "install", "--quiet", "--yes", "--no-install-recommends", *HOST_PACKAGES])
    rig.run(PEER, ["sh", "-c", (HERE / "stub_image.sh").read_text(), "stub_image", *peer.references])
    inventory = peer.directory / "inventory"
    inventory.write_text(_only(rig, PEER))

    def run(verb: str, place: Path) -> Took:
        command = peer.command(verb, place, inventory)
        here, host = took(PEER, *command, environment=peer.environment)
        return Took(here.wall, here.processor, host, peer.tasks())

    trivial = peer.write("trivial", PEER, {**_network(rig), **TRIVIAL})
    run("deploy", trivial)
    idle = _quickest(run("deploy", trivial) for _ in range(REPEAT))
    rig.run(PEER, ["find", "/etc/kolla", "-mindepth", "1", "-delete"])
    rendered = run("genconfig", peer.write("everything", PEER, {**_network(rig), **SAME_AS_OURS}))
    files = rig.run(PEER, ["find", "/etc/kolla", "-type", "f"]).splitlines()
    return Side(peer.versions, rendered, len(files), idle, len(TRIVIAL_SERVICES))


def measure_ours(rig: Rig, directory: Path, settings: Mapping[str, Any], built: Path | None) -> Side:
    """Render for a host that nothing is known of, deploy to it, and again."""
    verbs = Verbs(directory / "etc")
    verbs.directory.mkdir(parents=True)
    groups = "".join(f"[{group}]\n{OURS}\n" for group in ("control", "network", "compute"))
    (verbs.directory / "inventory").write_text(_only(rig, OURS) + groups)
    own = {
        "cloud_name": NAME,
        "docker_registry": rig.registry,
        "docker_registry_insecure": True,
        "enable_demo": False,
        "enable_keepalived": True,
        "nova_compute_virt_type": "qemu",
        "openstack_service_workers": 1,
    }
    (verbs.directory / "globals.yml").write_text(yaml.safe_dump({**settings, **_network(rig), **own}))
    place = Places.of(NAME)
    if built:
        take_over(built, place.directory)
    verbs.run("genpwd")
    verbs.run("build", "--push", "--profile", "enabled")

    def run(tasks: int, *verb: str) -> Took:
        here, host = took(OURS, str(KOLLA), "--configdir", str(verbs.directory), *verb)
        return Took(here.wall, here.processor, host, Tasks(tasks, 0))

    asked = verbs.tasks(lambda cloud: cloud.genconfig(directory / "rendered"))
    place.facts.unlink()
    rendered = run(asked, "genconfig", str(directory / "rendered"))
    files = [path for path in (directory / "rendered").rglob("*") if path.is_file()]
    verbs.run("bootstrap-servers")
    verbs.run("deploy")
    asked = verbs.tasks(Cloud.deploy)
    idle = _quickest(run(asked, "deploy") for _ in range(REPEAT))
    services = {row["service"] for row in verbs.run("status")}
    versions = f"kolla {__version__}, ansible-core {metadata.version('ansible-core')}"
    return Side(versions, rendered, len(files), idle, len(services))


def _quickest(found: Iterable[Took]) -> Took:
    """Of a few times the one that others on the machine disturbed least."""
    return min(found, key=lambda one: one.wall)


def _network(rig: Rig) -> dict[str, Any]:
    """Settings of the same meaning for both."""
    return {
        "network_interface": "eth0",
        "neutron_external_interface": "eth2",
        "kolla_internal_vip_address": str(rig.subnet("api")[VIP]),
    }


def _only(rig: Rig, host: str) -> str:
    """The rig's inventory without its other host."""
    other = PEER if host == OURS else OURS
    lines = rig.inventory.read_text().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(f"{other} "))


def main() -> None:
    """Measure and print; what was made goes away again. Exit status 1 when a figure is above its limit."""
    parser = argparse.ArgumentParser(prog="bench.deployer", description=__doc__)
    parser.add_argument("--globals", type=Path, metavar="FILE", help="settings this machine needs")
    parser.add_argument(
        "--built",
        type=Path,
        metavar="DIRECTORY",
        help="what another cloud of this machine keeps, so that its images are not built again",
    )
    given = parser.parse_args()
    settings = yaml.safe_load(given.globals.read_text()) if given.globals else {}
    with tempfile.TemporaryDirectory(prefix="kolla-bench-") as name, Rig.running(NAME, [OURS, PEER]) as rig:
        try:
            installed = PeerDeployer(Path(name) / "peer")
            installed.install()
            peer = measure_peer(rig, installed)
            ours = measure_ours(rig, Path(name) / "ours", settings, given.built)
        finally:
            Places.of(NAME).remove()
        load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
        print(f"ours: {ours.versions}; the peer: {peer.versions}")
        print(f"load of {os.cpu_count()} processors at the end: {load}")
        above = show(figures(ours, peer))
    sys.exit(above)


if __name__ == "__main__":
    main()
