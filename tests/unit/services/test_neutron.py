"""Neutron's files agree with each other, and tell each process what it may know."""

from __future__ import annotations

import configparser
import json
from types import SimpleNamespace
from typing import Any

import yaml

from .scripts import SERVICES, load
from .test_templates import AWKWARD, render

SCOPE: dict[str, Any] = {
    "openstack_release": "2026.1",
    "hostname": "one",
    "neutron_api_workers": 3,
    "neutron_physical_networks": "physnet1",
    "neutron_network_vlan_ranges": "physnet1",
    "database": SimpleNamespace(url="mysql+pymysql://neutron:secret@h/neutron"),
    "message_bus": SimpleNamespace(url="rabbit://h", oslo="rabbit_quorum_queue = true"),
    "cache": SimpleNamespace(oslo="memcache_servers = h:11211", tokens="memcached_servers = h:11211"),
    "identity": SimpleNamespace(credentials="username = neutron", token_validation="interface = internal"),
    "overlay": SimpleNamespace(nb_connection="tcp:a:6641", sb_connection="tcp:a:6642"),
    "switch": SimpleNamespace(connection="unix:/run/openvswitch/db.sock"),
    "compute": SimpleNamespace(metadata_host="h", metadata_port=8775, metadata_secret=AWKWARD),
}


def parsed(name: str, container: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(render("neutron", f"{name}.j2", **SCOPE, container=container))
    return parser


def test_as_many_workers_as_processes() -> None:
    service = yaml.safe_load((SERVICES / "neutron/service.yml").read_text())
    uwsgi = service["containers"]["neutron-server"]["config"]["uwsgi.ini"]
    assert uwsgi["variables"]["processes"] == "{{ neutron_api_workers }}"
    assert parsed("neutron.conf", "neutron-server")["DEFAULT"]["api_workers"] == "3"


def test_the_agent_knows_neither_the_database_nor_the_bus() -> None:
    agent = parsed("neutron.conf", "neutron-ovn-metadata-agent")
    assert agent.sections() == ["oslo_concurrency"]
    assert "transport_url" not in agent["DEFAULT"]
    assert agent["DEFAULT"]["log_file"] == "neutron-ovn-metadata-agent.log"
    assert {"database", "nova", "placement"} <= set(parsed("neutron.conf", "neutron-server").sections())


def test_the_agent_proves_itself_to_compute_and_has_helpers_without_sudo() -> None:
    agent = parsed("neutron_ovn_metadata_agent.ini", "neutron-ovn-metadata-agent")
    assert agent["DEFAULT"]["metadata_proxy_shared_secret"] == AWKWARD.reveal()
    helpers = [section for section in agent.sections() if section.startswith("privsep")]
    assert len(helpers) == 6
    assert all(agent[helper]["helper_command"].startswith("privsep-helper ") for helper in helpers)


def test_every_plugin_of_ml2_is_named() -> None:
    ml2 = parsed("ml2_conf.ini", "neutron-server")
    assert ml2["ml2"]["extension_drivers"] == "port_security,qos,dns"
    assert ml2["ovn"]["ovn_nb_connection"] == "tcp:a:6641"
    assert ml2["ml2_type_flat"]["flat_networks"] == "physnet1"


def test_every_host_is_to_have_its_agents() -> None:
    scope = {
        "groups": {"ovn-controller": ("one", "two"), "neutron-ovn-metadata-agent": ("two",)},
        "hostnames": {"one": "n1", "two": "n2"},
        "identity": SimpleNamespace(url="http://h:5000/v3"),
        "endpoint": SimpleNamespace(internal_url="http://h:9696"),
        "neutron_keystone_password": AWKWARD,
    }
    document = json.loads(render("neutron", "agents.json.j2", **scope))
    assert document["agents"] == {"ovn-controller": ["n1", "n2"], "neutron-ovn-metadata-agent": ["n2"]}
    assert document["auth"]["password"] == AWKWARD.reveal()


def test_a_silent_agent_is_named() -> None:
    script = load("neutron", "kolla_neutron_agents")
    agents = [
        {"binary": "ovn-controller", "host": "n1", "alive": True},
        {"binary": "ovn-controller", "host": "n2", "alive": False},
    ]
    assert list(script.missing({"ovn-controller": ["n1"]}, agents)) == []
    assert list(script.missing({"ovn-controller": ["n1", "n2", "n3"]}, agents)) == [
        "ovn-controller on n2",
        "ovn-controller on n3",
    ]


class Agents:
    """The network API; agents of one chassis go together."""

    def __init__(self, *hosts: str) -> None:
        kinds = ("ovn-controller", "neutron-ovn-metadata-agent")
        known = [(kind, host) for host in hosts for kind in kinds]
        self.known = [{"id": f"{kind} {host}", "binary": kind, "host": host} for kind, host in known]
        self.asked: list[str] = []

    def all(self) -> list[dict[str, Any]]:
        return list(self.known)

    def forget(self, agent: str) -> None:
        self.asked.append(agent)
        self.known = [each for each in self.known if each["host"] != agent.rpartition(" ")[2]]


def test_the_agents_of_a_host_are_forgotten_and_no_others() -> None:
    forget, agents = load("neutron", "kolla_neutron_forget"), Agents("one", "two")
    done = forget.forget(agents, "one")
    assert done == {
        "changed": True,
        "message": "neutron knew of one: neutron-ovn-metadata-agent, ovn-controller",
    }
    assert {each["host"] for each in agents.known} == {"two"}
    assert forget.forget(agents, "one") == {"changed": False, "message": "neutron knew of one: nothing"}
