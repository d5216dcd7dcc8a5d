"""OVN's routers leave a host before its switch ends, and come back."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from .scripts import load

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture
def gateways(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    load("openvswitch", "ovs.py")
    module = load("openvswitch", "kolla_gateways")
    monkeypatch.setattr(module, "LEAVE_SECONDS", 0)
    monkeypatch.setattr(module, "SETTLE_SECONDS", 0)
    monkeypatch.setattr(module, "SEEN_SECONDS", 0)
    monkeypatch.setattr(module, "FLOWS_SECONDS", 0)
    monkeypatch.setattr(module.ovs, "rows", lambda *_: [{"name": "br-ex", "external_ids": {}}])
    return module


@pytest.fixture
def of(gateways: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[[Rows], Any]:
    """The northbound database with these rows. What is done to it is kept as `done`, and done."""

    def made(rows: Rows) -> Any:
        done: list[dict[str, Any]] = []

        def transact(*command: str) -> str:
            if command[0] == "ovs-appctl":
                return ""
            assert command[:-1] == ("ovsdb-client", "--timeout=5", "transact", "tcp:nb")
            database, *operations = json.loads(command[-1])
            assert database == "OVN_Northbound"
            return json.dumps([answer(operation) for operation in operations])

        def answer(operation: dict[str, Any]) -> Any:
            table = rows.get(operation["table"], [])
            if operation["op"] == "select":
                wanted = [[name, value] for name, _, value in operation["where"]]
                found = [row for row in table if all(row[name] == value for name, value in wanted)]
                return {"rows": [{name: row[name] for name in operation["columns"]} for row in found]}
            done.append(operation)
            if operation["op"] == "update":
                ((_, _, uuid),) = operation["where"]
                (row,) = (row for row in table if row["_uuid"] == uuid)
                row.update(operation["row"])
            return {"count": 1}

        monkeypatch.setattr(gateways.ovs, "run", transact)
        northbound = gateways.Northbound("tcp:nb")
        northbound.done = done
        return northbound

    return made


def uuid(name: str) -> list[str]:
    return ["uuid", name]


def entry(name: str, host: str, priority: int, **ids: str) -> dict[str, Any]:
    pairs = [[key.replace("_", ":"), value] for key, value in ids.items()]
    given = {"chassis_name": host, "priority": priority, "external_ids": ["map", pairs]}
    return {"_uuid": uuid(name), **given}


def port(host: str, *chassis: str, group: str = "", name: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "mac": "fa:16:3e:00:00:01",
        "networks": ["set", ["10.0.2.162/24", "2001:db8::2/64"]],
        "gateway_chassis": ["set", [uuid(name) for name in chassis]] if len(chassis) != 1 else uuid(*chassis),
        "ha_chassis_group": uuid(group) if group else ["set", []],
        "status": ["map", [["hosting-chassis", host]]],
    }


def priorities(rows: Rows) -> dict[str, int]:
    tables = ("Gateway_Chassis", "HA_Chassis")
    return {row["_uuid"][1]: row["priority"] for table in tables for row in rows.get(table, [])}


def test_routers_leave_where_another_host_can_lead_them(gateways: ModuleType, of: Any) -> None:
    rows = {
        "Logical_Router_Port": [port("one", "a1", "a2"), port("two", "b1", "b2"), port("one", "c1")],
        "Gateway_Chassis": [
            *(entry("a1", "one", 2), entry("a2", "two", 1)),
            *(entry("b1", "one", 1), entry("b2", "two", 2)),
            entry("c1", "one", 1),
        ],
    }
    northbound = of(rows)
    gateways.leave(northbound, "one")
    assert priorities(rows) == {"a1": 0, "a2": 1, "b1": 1, "b2": 2, "c1": 1}
    assert [table for table, _ in gateways.noted(northbound, "one")] == ["Gateway_Chassis"]


def test_routers_of_a_group_of_hosts_leave_too(gateways: ModuleType, of: Any) -> None:
    rows: Rows = {
        "Logical_Router_Port": [port("one", group="g"), port("one", group="g")],
        "HA_Chassis_Group": [{"_uuid": uuid("g"), "ha_chassis": ["set", [uuid("a1"), uuid("a2")]]}],
        "HA_Chassis": [entry("a1", "one", 32767), entry("a2", "two", 32766)],
    }
    northbound = of(rows)
    gateways.leave(northbound, "one")
    assert priorities(rows) == {"a1": 0, "a2": 32766}
    assert len(northbound.done) == 1


def test_they_come_back_with_the_priority_of_before(
    gateways: ModuleType, of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: Rows = {
        "Logical_Router_Port": [port("one", "a1", "a2")],
        "Gateway_Chassis": [entry("a1", "one", 2, of="neutron"), entry("a2", "two", 1)],
        "NB_Global": [{"nb_cfg": 7}],
    }
    northbound = of(rows)
    gateways.leave(northbound, "one")
    # Asked a second time, before they are back, what was noted stays.
    gateways.leave(northbound, "one")
    monkeypatch.setattr(
        gateways.ovs, "rows", lambda table, *_: [{"external_ids": {}}][table != "Open_vSwitch" :]
    )
    gateways.come_back(northbound, "one")
    assert rows["Gateway_Chassis"][0] == entry("a1", "one", 2, of="neutron")
    assert gateways.noted(northbound, "one") == []


ROUTER_PORT = {"type": "router", "options": ["map", [["router-port", "lrp-1"]]], "tag": ["set", []]}
LOCALNET = {"type": "localnet", "options": ["map", [["network_name", "physnet1"]]], "tag": ["set", []]}
MAC = bytes.fromhex("fa163e000001")


@pytest.mark.parametrize(("tag", "in_frame"), [(["set", []], ""), (101, "81000065")])
def test_routers_are_asked_for_and_announced_on_their_physical_network(
    gateways: ModuleType, of: Any, monkeypatch: pytest.MonkeyPatch, tag: Any, in_frame: str
) -> None:
    rows: Rows = {
        "Logical_Router_Port": [
            port("one", name="lrp-1"),
            port("two", name="lrp-1"),
            port("one", name="lrp-2"),
        ],
        "Logical_Switch": [{"ports": ["set", [uuid("r"), uuid("l")]]}, {"ports": uuid("vm")}],
        "Logical_Switch_Port": [
            {"_uuid": uuid("r"), **ROUTER_PORT},
            {"_uuid": uuid("l"), **LOCALNET, "tag": tag},
            {"_uuid": uuid("vm"), **ROUTER_PORT, "type": ""},
        ],
    }
    mapped = {"ovn-bridge-mappings": "physnet2:br-b,physnet1:br-ex"}
    monkeypatch.setattr(gateways.ovs, "rows", lambda *_: [{"external_ids": mapped}])
    (way,) = gateways.ways_outside(of(rows), "one")
    assert (way.bridge, str(way.address)) == ("br-ex", "10.0.2.162/24")
    everybody, nobody, arp = "ff" * 6, "00" * 6, "08060001080006040001"
    asking = bytes.fromhex("020000000009")
    assert way.question(asking).hex() == (
        f"{everybody}020000000009{in_frame}{arp}0200000000090a000200{nobody}0a0002a2"
    )
    assert way.announcement().hex() == (
        f"{everybody}{MAC.hex()}{in_frame}{arp}{MAC.hex()}0a0002a2{nobody}0a0002a2"
    )


def test_where_none_has_left_none_comes_back(gateways: ModuleType, of: Any) -> None:
    northbound = of({"Gateway_Chassis": [entry("a1", "one", 2)]})
    gateways.come_back(northbound, "one")
    assert northbound.done == []


def test_a_host_may_lead_once_it_has_all_flows(
    gateways: ModuleType, of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateways, "PAUSE", 0)
    monkeypatch.setattr(gateways, "FLOWS_SECONDS", 5)
    counts = iter(["7", "7", "7", "8"])
    monkeypatch.setattr(
        gateways.ovs,
        "rows",
        lambda *_: [{"name": "br-int", "external_ids": {"ovn-nb-cfg": next(counts)}}],
    )
    northbound = of({"NB_Global": [{"nb_cfg": 8}]})
    gateways.await_flows(northbound)
    assert next(counts, None) is None
    assert [operation["mutations"] for operation in northbound.done] == [[["nb_cfg", "+=", 1]]]


def test_what_the_database_refuses_is_told(gateways: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = [{"count": 1}, {"error": "constraint violation", "details": "priority"}]
    monkeypatch.setattr(gateways.ovs, "run", lambda *_: json.dumps(refused))
    with pytest.raises(gateways.ovs.Fault, match="constraint violation: priority"):
        gateways.Northbound("tcp:nb").do({"op": "update"}, {"op": "update"})


def test_a_host_that_leads_none_asks_nobody(gateways: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways.ovs, "rows", lambda *_: [{"external_ids": {"system-id": "one"}}])
    monkeypatch.setattr(gateways.ovs, "run", lambda *_: pytest.fail("asked"))
    gateways.main("leave")
    gateways.main("return")
