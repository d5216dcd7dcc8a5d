"""Virtual hosts of the message bus: made once, with the permissions of the user that services log in as."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .scripts import load

script = load("rabbitmq", "kolla_rabbitmq_vhosts")


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What rabbitmqctl is asked, line by line; there is `/` and `nova_a`."""
    asked, program = tmp_path / "asked", tmp_path / "rabbitmqctl"
    known = json.dumps([{"name": "/"}, {"name": "nova_a"}])
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {asked}\n'
        f"case \"$*\" in *list_vhosts*) echo '{known}';; *bad*) echo no >&2; exit 1;; esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(script, "PROGRAM", str(program))
    return asked


def test_those_that_lack_are_made_and_all_get_their_permissions(asked: Path) -> None:
    assert script.settle("openstack", ["nova_a", "nova_b"]) == {"changed": True, "vhosts": ["nova_b"]}
    assert asked.read_text().splitlines()[1:] == [
        "--quiet set_permissions --vhost nova_a openstack .* .* .*",
        "--quiet add_vhost nova_b",
        "--quiet set_permissions --vhost nova_b openstack .* .* .*",
    ]


def test_nothing_changes_where_all_are_there(asked: Path) -> None:
    assert script.settle("openstack", ["nova_a"]) == {"changed": False, "vhosts": []}


def test_what_the_program_says_is_told(asked: Path) -> None:
    with pytest.raises(ValueError, match="rabbitmqctl add_vhost bad: no"):
        script.settle("openstack", ["bad"])
