"""Whoever changes the cloud from one release to another is killed, at seeded random moments: what is run
again leads to the state that an undisturbed run leads to, and nothing that users made is lost.

Results: docs/testing.md, "Killed at any moment". KOLLA_KILLS is for a part of the rounds: `3`, or `4-9`.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from system.between import NEWER, OLDER, Between, small_cloud
from system.harness import rounds

pytestmark = pytest.mark.long

KILLS = 30
SEED = 2026
UPGRADE, BACK = ("upgrade",), ("rollback", "--yes")


ROUNDS = rounds(os.environ.get("KOLLA_KILLS") or f"0-{KILLS - 1}")


@pytest.fixture(scope="module")
def between(machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Between]:
    with small_cloud("killed", tmp_path_factory.mktemp("killed"), OLDER, machine_globals) as between:
        between.build(NEWER)
        yield between


@dataclass(frozen=True)
class Undisturbed:
    """What a run leads to that nobody kills, and how long it takes."""

    seconds: float
    state: dict[str, Any]


@pytest.fixture(scope="module")
def undisturbed(between: Between) -> dict[tuple[str, ...], Undisturbed]:
    """There and back."""
    found = {}
    for verb in (UPGRADE, BACK):
        begun = time.monotonic()
        between.cloud.run(*verb)
        found[verb] = Undisturbed(time.monotonic() - begun, state(between))
        print(f"undisturbed {verb[0]}: {found[verb].seconds:.1f} s", flush=True)
    return found


def state(between: Between) -> dict[str, Any]:
    return {**between.hosts(), "schema": between.schema().splitlines()}


def killed(between: Between, verb: tuple[str, ...], seconds: float, everything: bool, log: Path) -> bool:
    """Kill a verb after so many seconds, with all that it started here or alone; whether it was not over."""
    with log.open("w") as said:
        deployer = subprocess.Popen(
            between.cloud.arguments(*verb), stdout=said, stderr=said, start_new_session=True
        )
    try:
        assert deployer.wait(timeout=seconds) == 0, log.read_text()
        return False
    except subprocess.TimeoutExpired:
        doing = (log.read_text().splitlines() or ["it had said nothing"])[-1]
        (os.killpg if everything else os.kill)(deployer.pid, signal.SIGKILL)
        deployer.wait()
    print(f"{verb[0]} killed{' with all of its own' if everything else ''} at {seconds:.1f} s: {doing}")
    return True


@pytest.mark.parametrize("number", ROUNDS)
def test_what_is_run_again_ends_as_if_nothing_had_been(
    between: Between, undisturbed: dict[tuple[str, ...], Undisturbed], tmp_path: Path, number: int
) -> None:
    """Upgrades are killed at moments spread over all of their time; every third way back is, too."""
    seeded = random.Random(SEED + number)
    for verb, kill in ((UPGRADE, True), (BACK, number % 3 == 2)):
        between.make_user(f"{number} before {verb[0]}")
        rows = between.rows()
        moment = undisturbed[verb].seconds * (number + seeded.random()) / KILLS
        # A rollback that was over would go further back when it is run again.
        if not kill or killed(between, verb, moment, number % 2 == 1, tmp_path / "said"):
            between.cloud.run(*verb)
        assert state(between) == undisturbed[verb].state, f"round {number}, {verb[0]}"
        assert between.rows() == rows
        assert verb != UPGRADE or between.cloud.plan() == []
