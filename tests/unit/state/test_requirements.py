from __future__ import annotations

from world import World

from kolla.state.requirements import requests


def test_the_host_of_the_load_balancer_must_have_its_address(world: World) -> None:
    request = requests(world.desired, world.states, world.report, world.facts)["one"]
    assert request["addresses"] == ["10.0.0.1", "10.0.0.250"]
    assert {"address": "10.0.0.250", "port": 9191, "service": "haproxy"} in request["ports"]
