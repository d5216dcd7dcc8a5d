from __future__ import annotations

from pathlib import Path

import pytest
from world import World

from kolla.errors import InputError
from kolla.state.facts import HostFacts, Interface
from kolla.state.requirements import requests

VIP = "10.0.0.250"


def with_address(facts: dict[str, HostFacts], host: str, address: str) -> dict[str, HostFacts]:
    """The facts of hosts of which one has an address besides its own."""
    own = facts[host].interfaces["eth0"].addresses
    interfaces = {"eth0": Interface(addresses=(*own, address))}
    return {**facts, host: facts[host].model_copy(update={"interfaces": interfaces})}


def test_the_host_of_the_load_balancer_must_have_its_address(world: World) -> None:
    request = requests(world.desired, world.states, world.report, world.facts)["one"]
    assert request["addresses"] == ["10.0.0.1", "10.0.0.250"]
    assert {"address": "10.0.0.250", "port": 9191, "service": "haproxy"} in request["ports"]


def test_an_address_that_is_moved_is_asked_of_those_who_may_get_it(tmp_path: Path) -> None:
    world = World(tmp_path, ("one", "two"))
    free = requests(world.desired, world.states, world.report, world.facts)
    taken = requests(world.desired, world.states, world.report, with_address(world.facts, "two", VIP))
    for host, own in (("one", "10.0.0.1"), ("two", "10.0.0.2")):
        assert free[host]["addresses"] == [own]
        (asked,) = free[host]["virtual_addresses"]
        assert asked == {"address": VIP, "name": "keepalived", "container": "keepalived", "held": False}
        assert [each["held"] for each in taken[host]["virtual_addresses"]] == [True]


def test_an_address_that_something_else_moves_must_be_somewhere(tmp_path: Path) -> None:
    world = World(tmp_path, ("one", "two"))
    world.globals["enable_keepalived"] = False
    nowhere = requests(world.desired, world.states, world.report, world.facts)
    assert nowhere["one"]["addresses"] == ["10.0.0.1", VIP]
    there = requests(world.desired, world.states, world.report, with_address(world.facts, "two", VIP))
    assert there["one"]["addresses"] == ["10.0.0.1"]


def test_the_number_of_virtual_addresses_is_listened_for_on_their_interface(tmp_path: Path) -> None:
    world = World(tmp_path, ("one", "two"))
    world.globals["keepalived_virtual_router_id"] = 77
    asked = requests(world.desired, world.states, world.report, world.facts)
    (router,) = asked["two"]["virtual_routers"]
    assert router == {
        "interface": "eth0",
        "number": 77,
        "setting": "keepalived_virtual_router_id",
        "name": "keepalived",
        "container": "keepalived",
        "peers": ["10.0.0.1", "10.0.0.2"],
    }
    world.globals["enable_keepalived"] = False
    asked = requests(world.desired, world.states, world.report, world.facts)
    assert asked["two"]["virtual_routers"] == []


def test_what_loads_a_firewall_is_asked_for_where_there_is_one(world: World) -> None:
    assert not requests(world.desired, world.states, world.report, world.facts)["one"]["firewall"]
    world.globals["host_firewall"] = True
    assert requests(world.desired, world.states, world.report, world.facts)["one"]["firewall"]


def test_a_number_that_no_virtual_router_has_is_refused(world: World) -> None:
    requires = "    requires: {virtual_routers: {eth0: '{{ notes_port }}'}}\n"
    world.edit("notes/service.yml", "    command: notes-api\n", f"    command: notes-api\n{requires}")
    with pytest.raises(InputError, match="'9191' is no virtual router"):
        _ = world.desired
