"""The inventory as Ansible reads it, at once or begun before."""

from __future__ import annotations

from pathlib import Path

import pytest

from kolla.ansible import inventory
from kolla.errors import InputError


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    path = tmp_path / "hosts"
    path.write_text("[control]\none ansible_host=192.0.2.1\n")
    return path


def test_what_was_begun_is_what_is_read(hosts: Path) -> None:
    at_once = inventory.read([str(hosts)])
    inventory.begin([str(hosts)])
    hosts.write_text("[control]\ntwo\n")
    assert at_once["_meta"]["hostvars"] == {"one": {"ansible_host": "192.0.2.1"}}
    # Begun before the file changed or while it did: either way it is read again when it is asked for again.
    inventory.read([str(hosts)])
    assert inventory.read([str(hosts)])["control"] == {"hosts": ["two"]}


def test_what_is_wrong_is_said_by_whoever_needs_it(tmp_path: Path) -> None:
    missing, wrong = str(tmp_path / "missing"), tmp_path / "wrong.yml"
    wrong.write_text("- no inventory\n")
    for source in (missing, str(wrong)):
        inventory.begin([source])
    with pytest.raises(InputError, match="there is no such inventory"):
        inventory.read([missing])
    with pytest.raises(InputError, match="the inventory cannot be read"):
        inventory.read([str(wrong)])


def test_the_sources_are_what_was_told_else_the_configurations_own_else_this_machine(tmp_path: Path) -> None:
    assert inventory.sources((), tmp_path) == (str(inventory.THIS_MACHINE),)
    (tmp_path / "inventory").touch()
    assert inventory.sources((), tmp_path) == (str(tmp_path / "inventory"),)
    assert inventory.sources(("a", "b"), tmp_path) == ("a", "b")
