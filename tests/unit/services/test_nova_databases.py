"""Which mapping is a cell's, in a cloud that Kolla or another tool made; and which changes are refused."""

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


def mapping(name: str | None, database: str) -> SimpleNamespace:
    return SimpleNamespace(name=name, database_connection=f"mysql+pymysql://nova:pw@h/{database}")


def host(name: str, cell: str | None) -> SimpleNamespace:
    return SimpleNamespace(host=name, cell_mapping=mapping(cell, "nova"))


def test_only_cells_that_were_made_from_settings_are_no_longer_wanted(script: ModuleType) -> None:
    known = [
        mapping("cell0", "nova_cell0"),
        mapping(None, "nova"),
        mapping("rack-2", "nova_rack_2"),
        mapping("rack-3", "nova_rack_3"),
        mapping("of-somebody", "nova_elsewhere"),
    ]
    wanted = [{"name": name} for name in ("cell0", "cell1", "rack-3")]
    assert [cell.name for cell in script.unwanted(known, wanted)] == ["rack-2"]


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        ([], {"one": "rack-2"}),
        ([host("one", "rack-2")], {"one": "rack-2"}),
        ([host("one", None)], {"one": "cell1"}),
        ([host("gone", "rack-2")], {"one": "cell1"}),
        ([host("one", "whatever")], {}),
    ],
)
def test_hosts_that_stay_in_their_cell_are_let_be(
    script: ModuleType, known: list[SimpleNamespace], wanted: dict[str, str]
) -> None:
    script.check_hosts(known, wanted)


@pytest.mark.parametrize(("before", "after"), [(None, "rack-2"), ("cell1", "rack-2"), ("rack-2", "cell1")])
def test_a_host_does_not_change_its_cell_under_its_servers(
    script: ModuleType, before: str | None, after: str
) -> None:
    said = f"compute host one is of {before or 'cell1'}, and is to be of {after}: .* nothing was changed"
    with pytest.raises(ValueError, match=said):
        script.check_hosts([host("one", before)], {"one": after})
