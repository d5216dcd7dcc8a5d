from pathlib import Path

import pytest

from kolla.errors import InputError
from kolla.settings.overrides import Overrides


def test_files_by_relative_path(tmp_path: Path):
    names = ["global.conf", "keystone/keystone.conf", "rabbitmq/.erlang.cookie"]
    leftovers = ["keystone/keystone.conf~", "keystone/.keystone.conf.swp", ".git/config"]
    for name in names + leftovers:
        path = tmp_path / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    found = Overrides.find(tmp_path)
    assert list(found.files) == names
    assert found.text("keystone/keystone.conf") == "keystone/keystone.conf"


def test_no_directory_is_no_files(tmp_path: Path):
    assert Overrides.find(tmp_path).files == {}


def test_file_that_is_not_text(tmp_path: Path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "global.conf").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"global.conf: cannot be read"):
        Overrides.find(tmp_path).text("global.conf")
