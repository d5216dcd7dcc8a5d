"""What bootstrap does besides the engine, as far as none is needed."""

from dataclasses import replace

from kolla.host import bootstrap
from kolla.host.cloud import Cloud
from kolla.host.engines import DOCKER
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
