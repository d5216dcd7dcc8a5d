"""Measure a cloud made for it, and remove it: `make bench`.

The machine must have no other cloud: containers and ports are those of a real one. Wall time includes
starting the program, as an operator feels it. What matters are the figures beside each other, on one
machine, before and after a change.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

KOLLA = Path(sys.executable).with_name("kolla")
REPEAT = 3
"""Times a short verb is measured; the median counts."""
REALLY = "--yes-i-really-really-mean-it"


@dataclass(frozen=True)
class Figure:
    """One measurement and what it should be below."""

    what: str
    value: float
    limit: float
    unit: str

    def __str__(self) -> str:
        verdict = "ok" if self.value <= self.limit else "above the limit"
        return f"{self.what:<42}{self.value:8.1f} {self.unit:<6} limit {self.limit:5.0f}   {verdict}"


@dataclass(frozen=True)
class Bench:
    """Runs verbs on the cloud of one configuration directory."""

    directory: Path

    def kolla(self, *arguments: str, codes: Sequence[int] = (0,)) -> Any:
        """What `kolla -f json` printed; SystemExit with its words when the exit code is not in `codes`."""
        command = [str(KOLLA), "--configdir", str(self.directory), "-f", "json", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in codes:
            raise SystemExit(f"kolla {' '.join(arguments)} failed:\n{done.stderr}{done.stdout}")
        return json.loads(done.stdout)

    def seconds(self, *arguments: str, codes: Sequence[int] = (0,)) -> float:
        """Median wall time of a verb."""
        times = []
        for _ in range(REPEAT):
            begun = time.monotonic()
            self.kolla(*arguments, codes=codes)
            times.append(time.monotonic() - begun)
        return statistics.median(times)

    def tasks_of_an_idle_deploy(self) -> int:
        """Ansible tasks on one host of a deploy with nothing to do: those of the playbooks it generates."""
        from kolla.ansible import plays
        from kolla.api import Cloud

        playbooks: list[str] = []
        generate = plays.playbook

        def counted(*arguments: Any) -> str:
            playbooks.append(generate(*arguments))
            return playbooks[-1]

        with mock.patch.object(plays, "playbook", counted):
            Cloud(self.directory).deploy()
        return sum(len(play["tasks"]) for text in playbooks for play in json.loads(text))

    def from_images_to_a_token(self) -> float:
        """Seconds from a machine that has only the images to an issued token."""
        self.kolla("destroy", "--volumes", REALLY)
        begun = time.monotonic()
        self.kolla("deploy")
        self.kolla("check")
        return time.monotonic() - begun


def measure(bench: Bench) -> list[Figure]:
    """All figures of a cloud that is up."""
    images = bench.kolla("build")["images"]
    return [
        Figure("from images to a token", bench.from_images_to_a_token(), 30, "s"),
        Figure("deploy with nothing to do", bench.seconds("deploy"), 4, "s"),
        Figure("its Ansible tasks on a host", bench.tasks_of_an_idle_deploy(), 3, "tasks"),
        Figure("build with nothing to do", bench.seconds("build"), 2, "s"),
        Figure("plan --offline", bench.seconds("plan", "--offline", codes=(0, 2)), 1, "s"),
        Figure("keystone image", images["keystone"]["size"] / 1e6, 300, "MB"),
    ]


def main() -> None:
    """Make the cloud, measure, print, remove it."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--globals", type=Path, metavar="FILE", help="settings this machine needs")
    given = parser.parse_args()
    extra = yaml.safe_load(given.globals.read_text()) if given.globals else None
    with tempfile.TemporaryDirectory(prefix="kolla-bench-") as name:
        settings = Path(name) / "extra.yml"
        settings.write_text(yaml.safe_dump({**(extra or {}), "cloud_name": "bench"}))
        bench = Bench(Path(name) / "etc")
        try:
            bench.kolla("quickstart", "--globals", str(settings))
            figures = measure(bench)
        finally:
            bench.kolla("destroy", "--volumes", "--config", REALLY)
    print(*figures, sep="\n")


if __name__ == "__main__":
    main()
