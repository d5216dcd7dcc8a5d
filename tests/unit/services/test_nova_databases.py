"""Which mapping is a cell's, in a cloud that Kolla or another tool made."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from .scripts import load

WANTED = {
    "name": "cell1",
    "transport_url": "rabbit://h",
    "database_connection": "mysql+pymysql://nova:pw@h:3306/nova",
}
THEIRS = "{scheme}://{username}:{password}@{hostname}:{port}/%s?{query}"
"""How Kolla-Ansible writes the connection of a cell: nova fills it in from its configuration."""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script, of which nothing that needs nova is run here."""
    names = ("nova", "nova.config", "nova.context", "nova.objects", "nova.db", "oslo_utils")
    added = {name: ModuleType(name) for name in names if name not in sys.modules}
    parts = {
        "nova": ("config", "context", "objects"),
        "nova.db": ("migration",),
        "oslo_utils": ("uuidutils",),
    }
    for name, attributes in parts.items():
        for attribute in attributes:
            setattr(added[name], attribute, ModuleType(attribute))
    sys.modules.update(added)
    try:
        return load("nova", "kolla_nova_databases")
    finally:
        for name in added:
            del sys.modules[name]


@pytest.mark.parametrize(
    ("name", "connection", "same"),
    [
        ("cell1", "mysql+pymysql://nova:old@elsewhere/nova", True),
        ("cell2", WANTED["database_connection"], False),
        (None, THEIRS % "nova", True),
        ("", "mysql+pymysql://nova:pw@vip:3306/nova?charset=utf8", True),
        (None, THEIRS % "nova_cell0", False),
        (None, THEIRS % "nova_other", False),
    ],
)
def test_a_cell_without_a_name_is_known_by_its_database(
    script: ModuleType, name: str | None, connection: str, same: bool
) -> None:
    mapping = SimpleNamespace(name=name, database_connection=connection)
    assert script.is_cell(mapping, WANTED) is same
