"""The operator's certificate authorities come into the bundle, and go again."""

from __future__ import annotations

from pathlib import Path

import pytest

from kolla.runtime.lib.kolla_runtime import ca_certificates
from kolla.runtime.lib.kolla_runtime.errors import RuntimeFault

from .conftest import Container, item

SOURCE = "/var/lib/kolla/config_files/ca-certificates"
BUNDLE = "/bundle"


@pytest.fixture(params=ca_certificates.STORES, ids=["debian", "rhel"])
def store(request: pytest.FixtureRequest, container: Container) -> ca_certificates.TrustStore:
    """A distribution whose tool makes the bundle of all anchors; the real one is in the integration tests."""
    store: ca_certificates.TrustStore = request.param
    container.path(store.anchors).mkdir(parents=True)
    script = f"#!/bin/sh\ncat {container.path(store.anchors)}/*.crt > {container.path(BUNDLE)}\ntrue\n"
    container.write(store.command[0], script, mode=0o755)
    return store


def test_nothing_to_do_costs_and_changes_nothing(container: Container, store: object) -> None:
    assert not ca_certificates.update(container.root)
    assert not container.path(BUNDLE).exists()
    assert not container.path("/etc/kolla").exists()


def test_an_authority_is_trusted_once(container: Container, store: ca_certificates.TrustStore) -> None:
    container.write(f"{SOURCE}/mine.crt", "mine\n")
    assert ca_certificates.update(container.root)
    assert container.read(f"{store.anchors}/kolla-customca-mine.crt") == "mine\n"
    assert container.read(BUNDLE) == "mine\n"
    assert not ca_certificates.update(container.root)


def test_a_removed_authority_leaves_the_bundle_and_others_stay(
    container: Container, store: ca_certificates.TrustStore
) -> None:
    container.write(f"{store.anchors}/site.crt", "the image's\n")
    mine = container.write(f"{SOURCE}/mine.pem", "mine\n")
    assert ca_certificates.update(container.root)
    assert "mine" in container.read(BUNDLE)
    mine.unlink()
    assert ca_certificates.update(container.root)
    assert container.read(BUNDLE) == "the image's\n"


def test_the_shared_folder_is_the_source_when_the_configuration_places_it(
    container: Container, store: ca_certificates.TrustStore
) -> None:
    container.write("/var/lib/kolla/config_files/authorities/placed.crt", "placed\n")
    container.configure(item("authorities", ca_certificates.SHARED_SOURCE))
    assert container.start() == 0
    assert ca_certificates.update(container.root)
    assert container.read(BUNDLE) == "placed\n"


def test_a_start_after_a_kill_makes_the_bundle(
    container: Container, store: ca_certificates.TrustStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    container.write(f"{SOURCE}/mine.crt", "mine\n")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ca_certificates.subprocess, "run", killed)
        with pytest.raises(KeyboardInterrupt):
            ca_certificates.update(container.root)
    assert not container.path(BUNDLE).exists()
    assert ca_certificates.update(container.root)
    assert container.read(BUNDLE) == "mine\n"


def test_a_tool_that_fails_is_an_error(container: Container, store: ca_certificates.TrustStore) -> None:
    container.write(store.command[0], "#!/bin/sh\necho no room >&2; exit 3\n", mode=0o755)
    container.write(f"{SOURCE}/mine.crt", "mine\n")
    with pytest.raises(RuntimeFault, match="failed: no room"):
        ca_certificates.update(container.root)


def test_an_image_without_a_tool_says_so(tmp_path: Path) -> None:
    container = Container(tmp_path)
    assert not ca_certificates.update(container.root)
    container.write(f"{SOURCE}/mine.crt", "mine\n")
    with pytest.raises(RuntimeFault, match="no tool"):
        ca_certificates.update(container.root)
