"""Measure verbs on clouds of up to a thousand hosts that are not there: `make bench-scale`.

Everything is as in a real cloud but the hosts: Ansible is run, and its connection answers itself, at once
(`bench.simulated`). So this is what the machine that deploys has to do. Needs no engine and no images.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figure import Figure, show
from bench.plot import Plot, picture
from bench.simulated import CLOUD, Simulated
from bench.spent import Spent, spent
from bench.verbs import KOLLA
from kolla.places import Places

DOCS = Path(__file__).parents[1] / "docs"
SIZES = (1, 10, 100, 500, 1000)
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"
"""Around what `--publish` writes in docs/scale.md."""

RENDER, OFFLINE = "genconfig", "plan --offline"
PLAN, CHANGE, IDLE = "plan, nothing there yet", "plan, one setting changed", "deploy, nothing to do"

PLAN_WALL, PLAN_MEMORY = 30, 1536
"""Seconds and MiB within which a plan for a thousand hosts is to be made."""
DOUBLE = 2.6
"""Twice the hosts may take this many times as much."""


@dataclass(frozen=True)
class Measurement:
    """A verb on a cloud of some size."""

    what: str
    hosts: int
    spent: Spent
    requests: int
    """That came to hosts, altogether."""


def measurements(sizes: Sequence[int], build_report: Path | None) -> Iterator[Measurement]:
    """Each verb on each cloud; a cloud goes before the next one is made."""
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="kolla-scale-") as name:
            cloud = Simulated(Path(name), size, build_report)
            try:
                cloud.write()
                yield from _verbs(cloud)
            finally:
                Places.of(CLOUD).remove()


def _verbs(cloud: Simulated) -> Iterator[Measurement]:
    def measured(what: str, *verb: str) -> Measurement:
        cloud.forget_requests()
        command = (str(KOLLA), "--configdir", str(cloud.configuration), *verb)
        took = spent(*command, environment=cloud.environment, codes=(0, 2))
        return Measurement(what, cloud.count, took, len(cloud.requests))

    yield measured(RENDER, "genconfig", str(cloud.directory / "rendered"))
    yield measured(OFFLINE, "plan", "--offline")
    cloud.empty()
    yield measured(PLAN, "plan")
    cloud.deployed()
    yield measured(IDLE, "deploy")
    cloud.change()
    yield measured(CHANGE, "plan")


def figures(found: Sequence[Measurement]) -> Iterator[Figure]:
    """What is judged, of the largest clouds."""
    by = {(one.what, one.hosts): one for one in found}
    sizes = sorted({one.hosts for one in found})
    largest, half = sizes[-1], sizes[-1] // 2
    for what in dict.fromkeys(one.what for one in found):
        one = by[what, largest]
        plan = what.startswith("plan") and largest <= 1000
        yield Figure(f"{what}, {largest} hosts", one.spent.wall, "s", PLAN_WALL if plan else None)
        yield Figure("  processor time", one.spent.processor, "s")
        yield Figure("  memory", one.spent.memory, "MiB", PLAN_MEMORY if plan else None)
        if (what, half) in by and half > sizes[0]:
            yield from _growth(by[what, sizes[0]], by[what, half], one)
    yield Figure("deploy with nothing to do: requests a host", by[IDLE, largest].requests / largest, "", 1)


def _growth(least: Measurement, half: Measurement, whole: Measurement) -> Iterator[Figure]:
    """How many times as much the hosts of a cloud take as those of one half as large; 2 is linear."""
    kinds: Mapping[str, Callable[[Spent], float]] = {
        "processor time": lambda one: one.processor,
        "memory": lambda one: one.memory,
    }
    for kind, of in kinds.items():
        base = of(least.spent)
        ratio = (of(whole.spent) - base) / max(of(half.spent) - base, 0.01)
        yield Figure(f"  {kind}, beside {half.hosts} hosts", ratio, "times", DOUBLE)


def table(found: Sequence[Measurement]) -> str:
    """The measurements in Markdown."""
    lines = ["| | hosts | wall | processor time | memory | requests a host |", "|---|---|---|---|---|---|"]
    for what in dict.fromkeys(one.what for one in found):
        for one in (one for one in found if one.what == what):
            took = f"{one.spent.wall:.1f} s | {one.spent.processor:.1f} s | {one.spent.memory:.0f} MiB"
            lines.append(f"| {what} | {one.hosts} | {took} | {one.requests / one.hosts:g} |")
    return "\n".join(lines) + "\n"


def curves(found: Sequence[Measurement]) -> str:
    """The measurements as a picture."""
    kinds: Mapping[str, Callable[[Spent], float]] = {
        "processor time, s": lambda one: one.processor,
        "memory, MiB": lambda one: one.memory,
    }
    names = dict.fromkeys(one.what for one in found)
    return picture(
        [
            Plot(kind, "hosts", {n: [(o.hosts, of(o.spent)) for o in found if o.what == n] for n in names})
            for kind, of in kinds.items()
        ]
    )


def published(page: str, measured: str) -> str:
    """A page with other measurements between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{measured}{END}{after}"


def _told(found: list[Measurement], new: Iterator[Measurement]) -> None:
    """Gather measurements, and say each as it comes."""
    for one in new:
        found.append(one)
        took = one.spent
        said = f"{one.hosts:5} hosts  {one.what:<28}{took.wall:7.1f} s{took.processor:7.1f} s of a processor"
        print(f"{said}{took.memory:7.0f} MiB  {one.requests} requests", flush=True)


def main() -> None:
    """Measure and print; exit status 1 when a figure is above its limit."""
    parser = argparse.ArgumentParser(prog="bench.scale", description=__doc__)
    parser.add_argument("--hosts", type=int, nargs="+", default=SIZES, metavar="N", help="sizes of clouds")
    parser.add_argument(
        "--build-report",
        type=Path,
        metavar="FILE",
        help="a build.json, so that configuration is checked against what its images know",
    )
    parser.add_argument("--publish", action="store_true", help="write docs/scale.md and its picture")
    given = parser.parse_args()
    found: list[Measurement] = []
    _told(found, measurements(given.hosts, given.build_report))
    found.sort(key=lambda one: one.hosts)
    load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    print(f"load of {os.cpu_count()} processors at the end: {load}")
    if given.publish:
        page = DOCS / "scale.md"
        page.write_text(published(page.read_text(), table(found)))
        (DOCS / "images" / "scale.svg").write_text(curves(found))
    sys.exit(show(figures(found)))


if __name__ == "__main__":
    main()
