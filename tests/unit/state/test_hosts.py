"""Asking hosts: what they answer decides whether the desired state is derived anew, and whether they are
asked again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from world import World

from kolla import hosts as module
from kolla.api import Cloud
from kolla.configuration import Configuration
from kolla.errors import InputErrors
from kolla.events import ignore
from kolla.hosts import Hosts
from kolla.state.derive import desire
from kolla.state.host_state import Engine, HostState


@dataclass(frozen=True)
class Answering(Hosts):
    """Hosts with nothing on them, whose addresses and interfaces may be others than they were."""

    world: World
    network: str = "10.0.0"
    interface: str = "eth0"
    heard: list[set[str]] = field(default_factory=list)

    def ask(self, verb: str, requests: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        assert verb == "observe"
        self.heard.append(set(requests))
        engine = Engine(name="docker", version="26.1")
        answers = {}
        for host in requests:
            facts = self.world.facts[host].model_dump_json().replace("10.0.0", self.network)
            facts = facts.replace('"eth0"', f'"{self.interface}"')
            state = HostState(host=host, engine=engine).model_dump(exclude={"host"})
            answers[host] = {"facts": self.world.facts[host].model_validate_json(facts), "state": state}
        return answers


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("kolla.places.state_root", lambda: tmp_path / "kept")
    return World(tmp_path, ("one", "two"))


def answering(world: World, **more: str) -> Answering:
    settings = world.settings
    configuration = Configuration(world.directory, service_paths=(world.services,))
    configuration.__dict__["inventory"] = settings.inventory
    world.report.save(configuration.places.build_report)
    return Answering(configuration, ignore, world, **more)


def test_with_facts_that_are_as_known_each_host_is_asked_once_and_nothing_is_derived_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(world).facts()
    derived: list[object] = []
    monkeypatch.setattr(module, "desire", lambda *given: derived.append(given) or desire(*given))
    hosts = answering(world)
    desired, states = hosts.observed()
    assert hosts.heard == [{"one", "two"}]
    assert len(derived) == 1
    assert desired == desire(world.settings, world.report, world.facts)
    assert states.keys() == {"one", "two"}


def test_a_host_that_has_the_address_by_now_is_not_refused_for_what_was_known(world: World) -> None:
    world.globals["api_interface"] = "eth9"
    hosts = answering(world)
    with pytest.raises(InputErrors, match="no interface 'eth9'"):
        hosts.observed()
    assert hosts.heard == [{"one", "two"}, {"one", "two"}]  # to know them; and since they could have changed
    desired, _ = answering(world, interface="eth9").observed()
    assert {address for _, address, _ in desired.sockets("two")} >= {"10.0.0.2"}


def test_prechecks_say_of_each_host_what_address_it_lacks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.globals["api_address_family"] = "ipv6"
    hosts = answering(world)
    cloud = Cloud(world.directory, service_paths=(world.services,))
    monkeypatch.setattr(cloud, "_hosts", hosts)
    monkeypatch.setattr(cloud, "configuration", hosts.configuration)
    found = cloud.prechecks()
    assert found.exit_code == 1
    assert [(each["host"], each["check"], each["subject"]) for each in found.findings] == [
        ("one", "address", "eth0 (ipv6)"),
        ("two", "address", "eth0 (ipv6)"),
    ]


def test_with_facts_that_have_changed_hosts_are_asked_for_the_files_of_the_new_ones(world: World) -> None:
    answering(world).facts()
    hosts = answering(world, network="10.0.9")
    desired, _ = hosts.observed()
    assert hosts.heard == [{"one", "two"}, {"one", "two"}]
    assert {address for _, address, _ in desired.sockets("one")} >= {"10.0.9.1"}
    assert hosts.known_facts()["two"].interfaces["eth0"].addresses == ("10.0.9.2",)
