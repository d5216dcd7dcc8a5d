"""What every request to a host says of the cloud."""

from pathlib import Path

import pytest

from kolla.ansible.executor import CloudIdentity
from kolla.configuration import Configuration


@pytest.mark.parametrize(("line", "engine"), [("", "docker"), ("kolla_container_engine: podman\n", "podman")])
def test_hosts_are_asked_about_the_engine_of_the_settings(tmp_path: Path, line: str, engine: str) -> None:
    (tmp_path / "globals.yml").write_text(f"cloud_name: ours\n{line}")
    (tmp_path / "passwords.yml").write_text("cloud_id: an-id\n")
    (tmp_path / "passwords.yml").chmod(0o600)
    assert Configuration(tmp_path).identity == CloudIdentity("ours", "an-id", engine)
