"""Seeded random faults under a cloud in use: once the cause is gone and it was deployed, it is well and has
every write that was acknowledged.

Results: docs/testing.md, "Faults at random". KOLLA_FAULTS is for a part of the seeds: `3`, or `4-9`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from system.client import until
from system.faults import KINDS, Outcome, Scene, choose, table
from system.harness import Kolla, rounds
from test_6_controllers.controllers import COMPUTE, CONTROLLERS, Controllers, three_controllers
from test_6_controllers.writers import Writes

pytestmark = pytest.mark.long

FAULTS = 50
SEEDS = rounds(os.environ.get("KOLLA_FAULTS") or f"0-{FAULTS - 1}")

MENDED = 120
"""Seconds after the deploy until a member that was cut off has found the others, and its health was seen."""

DISK = "24G"
"""Of each host, which a fault fills."""


@pytest.fixture(scope="module")
def three(
    cloud: Kolla, machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Controllers]:
    """A cloud with three controllers, of images that the machine's own built; its disks can be full."""
    directory = tmp_path_factory.mktemp("faults")
    with three_controllers(directory, machine_globals, "faults", disk=DISK) as three:
        yield three


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, three: Controllers) -> Iterator[list[Outcome]]:
    """What came of each fault; shown at the end, whether tests passed or not."""
    found: list[Outcome] = []
    yield found
    request.config.get_terminal_writer().line(f"\n{table(found)}")
    (three.cloud.config_directory / "config" / "keystone.conf").unlink(missing_ok=True)
    three.cloud.run("deploy")


def is_well(cloud: Kolla) -> bool:
    """Whether all checks are good; prints those that are not."""
    try:
        cloud.run("check")
    except AssertionError as error:
        print(error)
        return False
    return True


@pytest.mark.parametrize("seed", SEEDS)
def test_the_cloud_is_well_again_and_has_all_that_was_written(
    three: Controllers, outcomes: list[Outcome], tmp_path: Path, seed: int
) -> None:
    fault = choose(seed, list(KINDS), (*CONTROLLERS, COMPUTE))
    kind, scene = KINDS[fault.kind], Scene(fault, three.rig, three.cloud)
    print(fault)
    writes = Writes(three, tmp_path, f"seed-{seed}-{time.time_ns()}")
    with writes.going_on():
        try:
            kind.do(scene)
            time.sleep(kind.seconds)
        finally:
            kind.heal(scene)
        healed = time.monotonic()
        three.cloud.run("deploy")
        until(lambda: is_well(three.cloud), MENDED, "all checks are good")
        well = time.monotonic() - healed
    assert writes.missing() == {}
    assert three.cloud.plan() == []
    outcomes.append(Outcome(fault, well, writes.count))
