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
POLL = 0.05
"""Seconds between two looks at what it has said."""
UPGRADE, BACK = ("upgrade",), ("rollback", "--yes")


ROUNDS = rounds(os.environ.get("KOLLA_KILLS") or f"0-{KILLS - 1}")


@pytest.fixture(scope="module")
def between(machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Between]:
    with small_cloud("killed", tmp_path_factory.mktemp("killed"), OLDER, machine_globals) as between:
        between.build(NEWER)
        yield between


@dataclass(frozen=True)
class Undisturbed:
    """What a run leads to that nobody kills, and how many lines it says on its way."""

    lines: int
    state: dict[str, Any]


@pytest.fixture(scope="module")
def undisturbed(
    between: Between, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, ...], Undisturbed]:
    """There and back, the second time: in the first one hosts get images as well."""
    found, log = {}, tmp_path_factory.mktemp("undisturbed") / "said"
    for verb in (UPGRADE, BACK) * 2:
        assert begun(between, verb, log).wait() == 0, log.read_text()
        found[verb] = Undisturbed(len(said(log)), state(between))
        print(f"undisturbed {verb[0]}: {found[verb].lines} lines", flush=True)
    return found


def state(between: Between) -> dict[str, Any]:
    return {**between.hosts(), "schema": between.schema().splitlines()}


def begun(between: Between, verb: tuple[str, ...], log: Path) -> subprocess.Popen[bytes]:
    """A verb that says into a file how far it is."""
    with log.open("w") as output:
        return subprocess.Popen(
            between.cloud.arguments(*verb), stdout=output, stderr=output, start_new_session=True
        )


def said(log: Path) -> list[str]:
    return log.read_text().splitlines()


def killed(between: Between, verb: tuple[str, ...], moment: float, everything: bool, log: Path) -> bool:
    """Kill a verb, with all that it started here or alone, when it has said so many lines, and a part of a
    second later; whether it was not over. By the clock, one on a machine that is faster by then would be."""
    deployer, lines = begun(between, verb, log), int(moment)
    while deployer.poll() is None and len(said(log)) < lines:
        time.sleep(POLL)
    time.sleep(moment - lines)
    if deployer.poll() is not None:
        assert deployer.returncode == 0, log.read_text()
        return False
    doing = (said(log) or ["it had said nothing"])[-1]
    (os.killpg if everything else os.kill)(deployer.pid, signal.SIGKILL)
    deployer.wait()
    how = " with all of its own" if everything else ""
    print(f"{verb[0]} killed{how} after {lines} lines: {doing}", flush=True)
    return True


@pytest.mark.parametrize("number", ROUNDS)
def test_what_is_run_again_ends_as_if_nothing_had_been(
    between: Between, undisturbed: dict[tuple[str, ...], Undisturbed], tmp_path: Path, number: int
) -> None:
    """Upgrades are killed at moments spread over all that they do; every third way back is, too."""
    seeded = random.Random(SEED + number)
    for verb, kill in ((UPGRADE, True), (BACK, number % 3 == 2)):
        between.make_user(f"{number} before {verb[0]}")
        rows = between.rows()
        moment = undisturbed[verb].lines * (number + seeded.random()) / KILLS
        # A rollback that was over would go further back when it is run again.
        if not kill or killed(between, verb, moment, number % 2 == 1, tmp_path / "said"):
            between.cloud.run(*verb)
        assert state(between) == undisturbed[verb].state, f"round {number}, {verb[0]}"
        assert between.rows() == rows
        assert verb != UPGRADE or between.cloud.plan() == []
