"""Measure the image builder beside today's kolla from PyPI: `make bench-images`.

Same machine, same run. Without `--cold` it takes a minute and needs no engine. `--cold` also builds base,
openstack-base and keystone with both, and then all our images, which takes half an hour or more: it empties
the build cache of the engine that DOCKER_HOST names, so give it one of its own. What matters are the ratios.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import docker
import yaml

from bench.busy import Busy
from bench.figure import Figure, show
from bench.peer import BASE, NAMESPACE, Peer
from bench.spent import Spent, spent
from bench.verbs import KOLLA, REPEAT, Verbs
from kolla.images.requirements import Lock
from kolla.places import Places

CLOUD = "bench-images"
NAMES = ("base", "openstack-base", "keystone")
PATTERNS = tuple(f"^{name}$" for name in NAMES)
"""Regular expressions that find these and no others."""
CHANGED = {"keystone": {"blocks": {"after": "RUN true # one line"}}}
"""One more line in the template of one image."""


def best(*command: str) -> Spent:
    """What a program takes, of a few times the least: others use the machine, too."""
    environment = dict(os.environ)
    if command[0] != str(KOLLA):
        environment.pop("PYTHONPATH", None)  # the peer's package has our name
    found = [spent(*command, environment=environment) for _ in range(REPEAT)]
    return Spent(
        min(one.wall for one in found),
        min(one.processor for one in found),
        min(one.memory for one in found),
    )


def rendering(verbs: Verbs, peer: Peer, directory: Path) -> Iterator[Figure]:
    """Start-up; what each further image takes to render and write: of ours, what all take more than one, of
    the peer, which cannot render one, what all take more than its help."""
    ours, theirs = best(str(KOLLA), "build", "--help"), best(str(peer.program), "--help")
    yield Figure("kolla build --help", ours.wall, "s", 0.5)
    yield Figure("  the peer", theirs.wall, "s")
    place = directory / "ours"
    build = (str(KOLLA), "build", "--configdir", str(verbs.directory))
    one = best(*build, "--template-only", str(place), "^base$")
    everything = best(*build, "--template-only", str(place), ".")
    everything_of_peer = best(*peer.render)
    rendered, rendered_of_peer = dockerfiles(place), dockerfiles(peer.rendered)
    each = 1000 * (everything.processor - one.processor) / (rendered - 1)
    each_of_peer = 1000 * (everything_of_peer.processor - theirs.processor) / rendered_of_peer
    yield Figure(f"rendering {rendered} images, processor time each", each, "ms", each_of_peer / 10)
    yield Figure(f"  the peer, {rendered_of_peer} images", each_of_peer, "ms")
    yield Figure("the whole program, processor time", everything.processor, "s")
    yield Figure("  the peer", everything_of_peer.processor, "s")


def dockerfiles(directory: Path) -> int:
    """How many there are."""
    return sum(1 for _ in directory.rglob("Dockerfile"))


def cold(verbs: Verbs, peer: Peer, settings: dict[str, Any], constraints: Path) -> Iterator[Figure]:
    """Building with nothing there, then with nothing to do, then after one change; at last everything, and
    that with nothing to do."""
    authorities = Path(settings.get("extra_ca_certificates") or "/etc/ssl/certs/ca-certificates.crt")
    lock = Lock.load("2026.1", "debian-13").requirements
    peer.prepare(keystone=lock["keystone"].version, constraints=constraints, authorities=authorities)
    took, builder = {}, peer.builder
    for who in ("peer", "ours"):
        subprocess.run(["docker", "builder", "prune", "--all", "--force"], check=True, capture_output=True)
        begun = time.monotonic()
        with Busy() as busy:
            if who == "peer":
                peer.build(["keystone"])
            else:
                report = verbs.run("build", *PATTERNS)
        took[who] = time.monotonic() - begun
        load = Path("/proc/loadavg").read_text().split()[0]
        if who == "peer":
            yield Figure(f"cold build, the peer, {builder} (load {load})", took[who], "s")
        else:
            yield Figure(f"cold build, ours (load {load})", took[who], "s", took["peer"] / 3)
        yield Figure("  processors busy or fetching", 100 * busy.ratio, "%")
    client = docker.from_env()
    for name in NAMES:
        theirs = client.images.get(peer.reference(name)).attrs["Size"] / 1e6
        yield Figure(f"size of {name}", report["images"][name]["size"] / 1e6, "MB", theirs / 2)
        yield Figure("  the peer", theirs, "MB")
    yield Figure("the same with nothing to do", verbs.seconds("build", *PATTERNS), "s", 3)
    _write(verbs.directory, {**settings, "image_overrides": CHANGED})
    begun = time.monotonic()
    report = verbs.run("build", *PATTERNS)
    yield Figure("one line of a template changed", time.monotonic() - begun, "s", 15)
    built = [image["name"] for image in report["images"].values() if image["status"] == "built"]
    if built != ["keystone"]:
        raise SystemExit(f"built again: {built}")
    yield from nothing_to_do(verbs)


def nothing_to_do(verbs: Verbs) -> Iterator[Figure]:
    """What a build of the whole catalogue takes when every image is there."""
    images = verbs.run("build")["images"].values()
    what = f"build of all {len(images)} images with nothing to do"
    yield Figure(what, verbs.seconds("build"), "s", 3)
    again = [
        image["name"] for image in verbs.run("build")["images"].values() if image["status"] != "unchanged"
    ]
    if again:
        raise SystemExit(f"built again: {again}")


def _write(directory: Path, settings: dict[str, Any]) -> None:
    directory.mkdir(exist_ok=True)
    named = {**settings, "cloud_name": CLOUD, "docker_namespace": "kolla-bench"}
    (directory / "globals.yml").write_text(yaml.safe_dump(named))


def _remove_images() -> None:
    client = docker.from_env()
    for image in client.images.list():
        for tag in image.tags:
            if tag == BASE or tag.startswith(("kolla-bench/", f"{NAMESPACE}/")):
                client.images.remove(tag, force=True)


def main() -> None:
    """Measure and print; what was built goes away again. Exit status 1 when a figure is above its limit."""
    parser = argparse.ArgumentParser(prog="bench.images", description=__doc__)
    parser.add_argument("--globals", type=Path, metavar="FILE", help="settings this machine needs")
    parser.add_argument(
        "--cold",
        type=Path,
        metavar="FILE",
        help="build, too; upper constraints of 2026.1",
    )
    given = parser.parse_args()
    settings = yaml.safe_load(given.globals.read_text()) if given.globals else {}
    with tempfile.TemporaryDirectory(prefix="kolla-bench-") as name:
        directory = Path(name)
        _write(directory / "etc", settings)
        verbs, peer = Verbs(directory / "etc"), Peer(directory / "peer")
        peer.install()
        figures: Iterable[Figure] = rendering(verbs, peer, directory)
        if given.cold:
            figures = chain(figures, cold(verbs, peer, settings, given.cold.resolve()))
        try:
            above = show(figures)
        finally:
            if given.cold:
                _remove_images()
                Places.of(CLOUD).remove()
    sys.exit(above)


if __name__ == "__main__":
    main()
