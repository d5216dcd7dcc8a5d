"""What a service asks of the identity service, and what it gets for it."""

from __future__ import annotations

import configparser
import json
from typing import Any

import pytest
from world import World


@pytest.fixture
def files(world: World) -> dict[str, dict[str, str]]:
    """Container or job -> its files, as text, in a cloud with a service that makes users of its own."""
    world.globals = {
        "network_interface": "eth0",
        "kolla_internal_vip_address": "10.0.0.250",
        "kolla_external_vip_address": "203.0.113.5",
        "enable_heat": True,
        "enable_notes": False,
    }
    world.groups |= {group: world.hosts for group in ("compute", "deployment", "network")}
    return {
        node.name: {name: file.merged.text for name, file in node.config.files.items()}
        for node in world.desired.nodes
    }


def registered(files: dict[str, dict[str, str]], consumer: str) -> dict[str, Any]:
    (found,) = (
        json.loads(named["register.json"])
        for name, named in files.items()
        if name.endswith(consumer) and "register.json" in named
    )
    return dict(found)


def test_a_service_of_two_apis_has_two_entries_a_domain_and_roles(files: dict[str, dict[str, str]]) -> None:
    document = registered(files, "heat")
    assert {
        (entry["name"], entry["type"]): entry["endpoints"]["public"] for entry in document["services"]
    } == {
        ("heat", "orchestration"): "http://203.0.113.5:8004/v1/%(tenant_id)s",
        ("heat-cfn", "cloudformation"): "http://203.0.113.5:8000/v1",
    }
    assert document["domain"]["name"] == "heat_user_domain"
    assert document["grants"] == ["heat_stack_owner", "heat_stack_user"]


def test_one_of_one_api_has_one_entry_and_no_domain(files: dict[str, dict[str, str]]) -> None:
    document = registered(files, "glance")
    assert [entry["name"] for entry in document["services"]] == ["glance"]
    assert (document["domain"], document["grants"]) == (None, [])


def test_the_administrator_of_the_domain_is_the_one_that_the_service_logs_in_as(
    files: dict[str, dict[str, str]],
) -> None:
    config = configparser.RawConfigParser()
    config.read_string(files["heat-engine"]["heat.conf"])
    domain = registered(files, "heat")["domain"]
    assert config["DEFAULT"]["stack_user_domain_name"] == domain["name"]
    assert config["DEFAULT"]["stack_domain_admin"] == domain["administrator"]["name"]


def test_whoever_logs_in_with_a_trust_names_no_project(files: dict[str, dict[str, str]]) -> None:
    config = configparser.RawConfigParser()
    config.read_string(files["heat-engine"]["heat.conf"])
    assert config["trustee"]["username"] == "heat"
    assert "project_name" not in config["trustee"]
    assert config["keystone_authtoken"]["project_name"] == "service"
    assert config["ec2authtoken"]["endpoint_override"] == "http://10.0.0.250:5000"


def test_whoever_asks_over_the_message_bus_has_a_place_for_locks(files: dict[str, dict[str, str]]) -> None:
    """Replies come to a queue whose number is taken under a lock; keystone only tells."""
    asking = {
        node: text
        for node, named in files.items()
        for text in named.values()
        if "use_queue_manager" in text and "keystone" not in node
    }
    assert {"heat-api", "heat-engine", "nova-conductor", "neutron-server"} <= set(asking)
    assert [node for node, text in asking.items() if "lock_path = " not in text] == []
