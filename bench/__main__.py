"""Measure a cloud made for it, and remove it: `make bench`.

The machine must have no other cloud: containers and ports are those of a real one. Wall time includes
starting the program, as an operator feels it. What matters are the figures beside each other, on one
machine, before and after a change.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from bench import machine
from bench.figure import Figure, show
from bench.pings import Pings
from bench.verbs import Verbs
from kolla.api import Cloud

CHECKOUT = Path(__file__).parents[1]
REALLY = "--yes-i-really-really-mean-it"
CALM = 30
"""Seconds after a deploy until the cloud counts as idle."""
MINUTE = 60

REPLACED = {
    "nova-compute": ("nova/nova-compute/config.json", 0.0),
    "nova-libvirt": ("nova/nova-libvirt/config.json", 0.0),
    "ovn-controller": ("ovn/ovn-controller/config.json", 1.0),
    "openvswitch-vswitchd": ("openvswitch/openvswitch-vswitchd/config.json", 1.0),
    "openvswitch-db": ("openvswitch/openvswitch-db/config.json", 1.0),
}
"""Container -> an override of its own, and how many seconds a server may be out of reach meanwhile."""


def environment(directory: Path) -> float:
    """Seconds that making the Python environment takes, in a directory of its own. Downloads of before may be
    in a cache."""
    begun = time.monotonic()
    subprocess.run(["make", "--silent", "venv", f"VENV={directory}"], cwd=CHECKOUT, check=True)
    return time.monotonic() - begun


def phases(prepared: float, quickstart: Any) -> Iterator[Figure]:
    """How long the cloud took to be made; images that were there already were not built again."""
    yield Figure("make cloud", prepared + sum(quickstart["phases"].values()), "s", 360)
    yield Figure("  environment", prepared, "s")
    yield from (Figure(f"  {name}", seconds, "s") for name, seconds in quickstart["phases"].items())


def times(verbs: Verbs) -> Iterator[Figure]:
    """How long an operator waits."""
    verbs.run("destroy", "--volumes", REALLY)
    deploy = verbs.seconds("deploy", repeat=1)
    login = verbs.seconds("init-runonce", repeat=1)
    yield Figure("from empty volumes to an SSH login", deploy + login, "s", 90)
    yield Figure("  deploy", deploy, "s")
    yield Figure("  init-runonce", login, "s")
    yield Figure("init-runonce with nothing to do", verbs.seconds("init-runonce", repeat=1), "s")
    yield Figure("deploy with nothing to do", verbs.seconds("deploy"), "s", 5)
    yield Figure("its Ansible tasks on a host", verbs.tasks(Cloud.deploy), "tasks", 3)
    yield Figure("build with nothing to do", verbs.seconds("build"), "s", 2)
    yield Figure("plan --offline", verbs.seconds("plan", "--offline", codes=(0, 2)), "s", 1)


def sizes(verbs: Verbs) -> Iterator[Figure]:
    """How large images are."""
    built = verbs.run("build")["images"]
    images = {image["id"]: name for name, image in built.items() if image["published"]}
    each, together = machine.image_sizes(images)
    yield Figure("all images", together / 1e6, "MB", 2500)
    for tag, size in sorted(each.items(), key=lambda item: -item[1]):
        yield Figure(f"  {images[tag]}", size / 1e6, "MB")


def idle(cloud_id: str) -> Iterator[Figure]:
    """What a cloud takes that nobody uses."""
    time.sleep(CALM)
    found = machine.containers(cloud_id)
    processors = machine.processors(found, MINUTE)
    memory = machine.memory(found)
    yield Figure("idle: memory", sum(memory.values()) / (1 << 30), "GiB", 4)
    yield Figure("idle: processors", sum(processors.values()), "cores", 0.15)
    for name in sorted(memory, key=lambda name: -memory[name]):
        yield Figure(f"  {name}", memory[name] / (1 << 20), "MiB")
    for name in sorted(processors, key=lambda name: -processors[name])[:5]:
        yield Figure(f"  {name}", processors[name], "cores")


def outages(verbs: Verbs, address: str) -> Iterator[Figure]:
    """How long a server is out of reach when a deploy replaces a container below it."""
    for container, (path, limit) in REPLACED.items():
        verbs.override(path, '{"permissions": []}')
        with Pings(address) as pings:
            deployed = verbs.run("deploy")
        if f"container:{container}@localhost" not in deployed["operations"]:
            raise SystemExit(f"{container} was not replaced")
        yield Figure(f"out of reach: {container}", pings.longest_gap, "s", limit)
    shutil.rmtree(verbs.directory / "config")


def measure(verbs: Verbs, prepared: float, quickstart: Any) -> Iterator[Figure]:
    """All figures of a cloud that is up."""
    yield from phases(prepared, quickstart)
    yield from sizes(verbs)
    yield from times(verbs)
    yield from idle(yaml.safe_load((verbs.directory / "passwords.yml").read_text())["cloud_id"])
    yield from outages(verbs, verbs.run("init-runonce")[0]["result"]["address"])


def main() -> None:
    """Make the cloud, measure, print, remove it; exit status 1 when a figure is above its limit."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--globals", type=Path, metavar="FILE", help="settings this machine needs")
    given = parser.parse_args()
    extra = yaml.safe_load(given.globals.read_text()) if given.globals else None
    with tempfile.TemporaryDirectory(prefix="kolla-bench-") as name:
        settings = Path(name) / "extra.yml"
        settings.write_text(yaml.safe_dump({**(extra or {}), "cloud_name": "bench"}))
        verbs = Verbs(Path(name) / "etc")
        prepared = environment(Path(name) / "venv")
        try:
            made = verbs.run("quickstart", "--globals", str(settings))
            above = show(measure(verbs, prepared, made))
        finally:
            verbs.run("destroy", "--volumes", "--config", REALLY)
    sys.exit(above)


if __name__ == "__main__":
    main()
