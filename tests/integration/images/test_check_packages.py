"""The names of packages against the real mirrors of Debian."""

import pytest

from kolla.api import Cloud
from kolla.results import Findings

from .conftest import Workshop


def check(workshop: Workshop, *names: str, **changes: object) -> Findings:
    workshop.load(**changes)
    cloud = Cloud(workshop.directory / "etc", service_paths=[workshop.directory / "services"])
    return cloud.check_packages(names)


@pytest.mark.parametrize("version", ["12", "13"])
def test_debian_has_every_package_of_the_catalogue(workshop: Workshop, version: str) -> None:
    workshop.describe("  workpiece: {packages: {debian: [awk]}}\n")  # which only other packages provide
    found = check(workshop, kolla_base_distro_version=version)
    assert found.exit_code == 0, found.text()
    assert {"memcached"} <= {finding["subject"] for finding in found.findings}
    assert {finding["host"] for finding in found.findings} == {f"debian-{version}"}
    assert check(workshop, "^workpiece$", kolla_base_distro_version=version).exit_code == 0


def test_names_nobody_has_are_told_all_at_once(workshop: Workshop) -> None:
    workshop.describe("  workpiece:\n    packages:\n      debian: [memcachd]\n      debian-13: [jqq]\n")
    found = check(workshop, "^workpiece$")
    assert found.exit_code == 1
    bad = {finding["subject"]: finding for finding in found.findings if not finding["ok"]}
    assert set(bad) == {"memcachd", "jqq"}
    path = workshop.folder / "service.yml"
    assert bad["memcachd"]["message"] == f"{path}:8: no such package"
    assert bad["memcachd"]["hint"] == "did you mean 'memcached'?"
    assert bad["jqq"]["message"] == f"{path}:9: no such package"
