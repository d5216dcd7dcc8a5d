"""What bootstrap does besides the engine, as far as none is needed."""

from dataclasses import replace

import pytest

from kolla.host import bootstrap, packages
from kolla.host.cloud import Cloud
from kolla.host.engines import DOCKER, PODMAN
from kolla.host.errors import Refusal
from kolla.host.manifest import Manifest


def test_the_authority_of_a_registry_is_put_where_the_engine_looks(tmp_path):
    kind = replace(DOCKER, certificates=tmp_path / "certs.d")
    cloud = Cloud("kolla", "id", tmp_path / "state")
    cloud.make_directory()
    path = tmp_path / "certs.d" / "r.example:5000" / "ca.crt"
    manifest = Manifest(cloud)

    changes = bootstrap._authorities(kind, {"r.example:5000": "PEM\n"}, manifest)
    assert changes == ["the engine trusts who signs for registry r.example:5000"]
    assert path.read_text() == "PEM\n"
    assert Manifest(cloud).entries("authorities") == (str(path),)

    assert bootstrap._authorities(kind, {"r.example:5000": "PEM\n"}, manifest) == []
    assert bootstrap._authorities(kind, {"r.example:5000": "NEW\n"}, manifest) == changes
    assert path.read_text() == "NEW\n"


@pytest.mark.parametrize(("offered", "refused"), [("4.3.1+ds1-8", True), ("5.4.2+ds1-2", False), ("", False)])
def test_an_engine_that_is_too_old_is_not_installed(offered, refused, tmp_path, monkeypatch):
    came: list[str] = []
    monkeypatch.setattr(packages, "supported", lambda: True)
    monkeypatch.setattr(packages, "offered", lambda name: offered)
    monkeypatch.setattr(packages, "install", lambda names, known, manifest: came.extend(names) or [])
    manifest = Manifest(Cloud("kolla", "id", tmp_path))
    if refused:
        with pytest.raises(Refusal, match=r"has podman 4\.3\.1.*, and 5\.0 or newer is needed"):
            bootstrap._engine(PODMAN, manifest)
    else:
        bootstrap._engine(PODMAN, manifest)
    assert bool(came) is not refused
