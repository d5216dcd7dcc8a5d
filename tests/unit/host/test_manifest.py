"""The manifest."""

from kolla.host.cloud import Cloud
from kolla.host.manifest import Manifest


def test_it_is_on_disk_at_once_and_in_order(tmp_path):
    cloud = Cloud("c", "id", tmp_path)
    manifest = Manifest(cloud)
    manifest.add("folders", ["b", "a", "b"])
    manifest.add("folders", ["a", "c"])
    assert Manifest(cloud).entries("folders") == ("b", "a", "c")
    manifest.remove("folders", ["a", "unknown"])
    assert Manifest(cloud).entries("folders") == ("b", "c")
    assert Manifest(cloud).entries("images") == ()
    assert (tmp_path / "manifest.json").stat().st_mode & 0o777 == 0o600
