"""Packages: what apt says, read."""

import pytest

from kolla.host import commands, packages
from kolla.host.cloud import Cloud
from kolla.host.manifest import Manifest

INSTALLED = "ii  docker.io\nii  runc\nii  portainer\nrc  gone\n"
SIMULATED = "Reading package lists...\nPurg portainer [1]\nPurg docker.io [20.10]\nRemv runc [1.0]\n"


@pytest.fixture
def manifest(tmp_path):
    return Manifest(Cloud("c", "id", tmp_path / "c"))


def apt(*argv):
    return INSTALLED if argv[0] == "dpkg-query" else SIMULATED


def test_what_needs_our_packages_is_named(manifest, monkeypatch):
    monkeypatch.setattr(commands, "run", apt)
    assert packages.needing(manifest) == []
    manifest.add("packages", ["docker.io", "runc", "gone"])
    assert packages.needing(manifest) == ["portainer"]
    manifest.add("packages", ["portainer"])
    assert packages.needing(manifest) == []


POLICY = """\
podman:
  Installed: (none)
  Candidate: 5.4.2+ds1-2+b2
  Version table:
     5.4.2+ds1-2+b2 500
"""


@pytest.mark.parametrize(
    ("said", "version"), [(POLICY, "5.4.2+ds1-2+b2"), ("", ""), ("x:\n  Candidate: (none)\n", "")]
)
def test_the_version_a_distribution_offers(said, version, monkeypatch):
    monkeypatch.setattr(commands, "run", lambda *argv: said if argv[0] == "apt-cache" else "")
    assert packages.offered("podman") == version
