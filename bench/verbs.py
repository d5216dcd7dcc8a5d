"""Running the product's verbs, as an operator does, and timing them."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from kolla.ansible import plays
from kolla.api import Cloud

KOLLA = Path(sys.executable).with_name("kolla")
REPEAT = 3
"""Times a short verb is measured; the median counts."""


@dataclass(frozen=True)
class Verbs:
    """The verbs, on the cloud of one configuration directory."""

    directory: Path

    def run(self, *arguments: str, codes: Sequence[int] = (0,)) -> Any:
        """What `kolla -f json` printed; SystemExit with its words when the exit code is not in `codes`."""
        command = [str(KOLLA), "--configdir", str(self.directory), "-f", "json", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in codes:
            raise SystemExit(f"kolla {' '.join(arguments)} failed:\n{done.stderr}{done.stdout}")
        return json.loads(done.stdout)

    def seconds(self, *arguments: str, codes: Sequence[int] = (0,), repeat: int = REPEAT) -> float:
        """Median wall time of a verb."""
        times = []
        for _ in range(repeat):
            begun = time.monotonic()
            self.run(*arguments, codes=codes)
            times.append(time.monotonic() - begun)
        return statistics.median(times)

    def tasks(self, act: Callable[[Cloud], object]) -> int:
        """Ansible tasks on one host of a verb: those of the playbooks it generates."""
        playbooks: list[str] = []
        generate = plays.playbook

        def counted(*arguments: Any) -> str:
            playbooks.append(generate(*arguments))
            return playbooks[-1]

        with mock.patch.object(plays, "playbook", counted):
            act(Cloud(self.directory))
        return sum(len(play["tasks"]) for text in playbooks for play in json.loads(text))

    def override(self, path: str, text: str) -> None:
        """Write a file below config/."""
        file = self.directory / "config" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
