"""Which links of the switch were forgotten to be switched on."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .scripts import load


@pytest.fixture
def links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    load("openvswitch", "ovs.py")
    module = load("openvswitch", "links.py")
    monkeypatch.setattr(module, "DEVICES", tmp_path)
    (tmp_path / "tap1").mkdir()
    return module


def forgotten(links: ModuleType, *looks: dict[str, str]) -> list[list[str]]:
    """What is switched on after each look; a look has `NAME:INDEX` -> whether it is up."""
    settled: frozenset[Any] = frozenset()
    before: dict[Any, bool] = {}
    found = []
    for look in looks:
        keys = {name: links.Link(name.partition(":")[0], int(name.partition(":")[2])) for name in look}
        now = {keys[name]: state == "up" for name, state in look.items()}
        found.append([link.name for link in links.forgotten(before, now, settled)])
        settled, before = links.settle(before, now, settled), now
    return found


def test_one_that_is_down_at_two_looks_is_switched_on_until_it_is_up(links: ModuleType) -> None:
    down, up = {"tap1:8": "down"}, {"tap1:8": "up"}
    assert forgotten(links, down, down, down, up, up) == [[], ["tap1"], ["tap1"], [], []]


def test_one_that_is_being_made_is_left_alone(links: ModuleType) -> None:
    assert forgotten(links, {"tap1:8": "down"}, {"tap1:8": "up"}) == [[], []]


def test_one_that_somebody_switches_off_stays_off(links: ModuleType) -> None:
    down, up = {"tap1:8": "down"}, {"tap1:8": "up"}
    assert forgotten(links, up, up, down, down) == [[], [], [], []]


def test_another_of_the_same_name_is_another(links: ModuleType) -> None:
    first, second = {"tap1:8": "up"}, {"tap1:9": "down"}
    assert forgotten(links, first, first, second, second) == [[], [], [], ["tap1"]]


def test_one_seen_up_once_may_be_switched_off_by_the_switch(links: ModuleType) -> None:
    down, up = {"tap1:8": "down"}, {"tap1:8": "up"}
    assert forgotten(links, up, down, down) == [[], [], ["tap1"]]


def test_only_ports_of_neutron_in_the_hosts_namespace_are_looked_at(links: ModuleType) -> None:
    def row(name: str, **changed: Any) -> dict[str, Any]:
        return {
            "name": name,
            "ifindex": 8,
            "admin_state": "down",
            "external_ids": {"iface-id": "1"},
        } | changed

    rows = [
        row("tap1"),
        row("tap1", external_ids={}),
        row("tap1", ifindex=[]),
        row("qr-1"),  # in a namespace of a router
    ]
    assert links.states(rows) == {links.Link("tap1", 8): False}
    assert links.states([row("tap1", admin_state="up")]) == {links.Link("tap1", 8): True}
