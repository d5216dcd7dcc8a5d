from __future__ import annotations

from pathlib import Path

import pytest
from world import World

from kolla.errors import InputError
from kolla.state.topology import Topology


def topology(world: World) -> Topology:
    return Topology(world.settings, world.facts)


def test_services_bind_to_the_address_of_the_api_interface(world: World) -> None:
    assert dict(topology(world).api_addresses) == {"one": "10.0.0.1"}


def test_an_interface_a_host_does_not_have_is_refused_with_those_it_has(world: World) -> None:
    world.globals["network_interface"] = "eht0"
    with pytest.raises(InputError, match=r"host one\.example has no interface 'eht0'") as caught:
        _ = topology(world).api_addresses
    assert caught.value.hint == "did you mean 'eth0'?"


def test_an_address_given_by_the_operator_needs_no_facts(world: World) -> None:
    world.globals["api_address"] = "10.9.9.9"
    assert Topology(world.settings, {}).api_addresses["one"] == "10.9.9.9"


def test_a_template_sees_the_addresses_of_all_hosts(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=("one", "two"))
    world.globals["api_address"] = "{{ '10.9.9.9' if inventory_hostname == 'two' else '10.0.0.1' }}"
    assert topology(world).host_variables("one")["host_addresses"] == ["10.0.0.1", "10.0.0.2", "10.9.9.9"]


def test_a_host_nothing_is_known_about_says_what_to_do(world: World) -> None:
    with pytest.raises(InputError, match="nothing is known about host 'one'") as caught:
        _ = Topology(world.settings, {}).api_addresses
    assert "set api_address" in str(caught.value)


def test_a_proxied_endpoint_is_reached_on_the_vip(world: World) -> None:
    keystone = topology(world).endpoints["keystone"]
    assert keystone.internal_url == "http://10.0.0.250:5000/v3"
    assert [member.address for member in keystone.members] == ["10.0.0.1"]


def test_public_endpoints_have_the_external_name_outside(world: World) -> None:
    world.globals |= {
        "kolla_external_vip_address": "203.0.113.7",
        "kolla_external_fqdn": "cloud.example",
        "kolla_internal_fqdn": "internal.example",
    }
    endpoints = topology(world).endpoints
    assert endpoints["keystone"].public_url == "http://cloud.example:5000/v3"
    assert endpoints["keystone"].internal_url == "http://internal.example:5000/v3"
    assert endpoints["mariadb"].public_host == "internal.example"
    (listener,) = [each for each in topology(world).listeners if each.name == "keystone"]
    assert listener.binds == ("10.0.0.250:5000", "203.0.113.7:5000")


def test_without_a_proxy_an_endpoint_is_its_only_member(world: World) -> None:
    world.globals["enable_haproxy"] = False
    assert topology(world).endpoints["keystone"].internal_url == "http://10.0.0.1:5000/v3"
    assert topology(world).listeners == ()


def test_what_is_on_no_host_is_not_listened_for(world: World) -> None:
    world.edit(
        "notes/service.yml",
        "    command: notes-api\n",
        '    command: notes-api\n    when: "{{ notes_port == 80 }}"\n',
    )
    assert "notes" not in {listener.name for listener in topology(world).listeners}
    world.globals["notes_port"] = 80
    assert "notes" in {listener.name for listener in topology(world).listeners}


def test_several_members_need_a_proxy(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=("one", "two"))
    world.globals["enable_haproxy"] = False
    with pytest.raises(InputError, match="has 2 members and nothing to balance them"):
        _ = topology(world).endpoints


def test_a_vip_that_a_member_binds_to_is_refused(world: World) -> None:
    world.globals["kolla_internal_vip_address"] = "10.0.0.1"
    with pytest.raises(InputError, match=r"would both listen on 10\.0\.0\.1:") as caught:
        _ = topology(world).listeners
    assert "may be switched off" in str(caught.value)
