"""OpenStack's own test suites, against one emulated host that has every service they try."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from system.client import Demo
from system.multinode import one_host
from system.suites.tempest import SUITES, Tempest

pytestmark = pytest.mark.long

STORAGE = "[storage]\nnode1\n"
SETTINGS = {
    "enable_ceph": True,
    "ceph_osds": [{"name": "a", "file": "12G"}],
    "enable_cinder": True,
    "enable_heat": True,
    "enable_horizon": True,
}


@pytest.fixture(scope="module")
def tempest(machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tempest]:
    directory = tmp_path_factory.mktemp("suites")
    with one_host("suites", directory, SETTINGS, machine_globals, more_groups=STORAGE) as one:
        demo = Demo.of(one.cloud.config_directory)
        demo.login.wait(120)
        yield Tempest.prepared(directory, demo.openstack)


@pytest.mark.parametrize("suite", SUITES["suites"])
def test_a_suite_of_openstacks_own_passes(tempest: Tempest, suite: str) -> None:
    assert tempest.run(suite) == []
