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
    "neutron_plugin_agent": "ovn",
    "neutron_tenant_network_types": "geneve",
    "neutron_service_plugins": ["ovn-router", "qos", "trunk", "port_forwarding", "segments"],
    "neutron_extension_drivers": ["port_security", "qos", "dns"],
    "neutron_path_mtu": 1500,
    "neutron_global_physnet_mtu": 1500,
    "neutron_physical_network_mtus": {},
    "neutron_physical_networks": "physnet1",
    "neutron_network_vlan_ranges": "physnet1",
    "neutron_ovn_emit_need_to_frag": True,
    "database": SimpleNamespace(url="mysql+pymysql://neutron:secret@h/neutron"),
    "message_bus": SimpleNamespace(url="rabbit://h", oslo="rabbit_quorum_queue = true"),
    "cache": SimpleNamespace(oslo="memcache_servers = h:11211", tokens="memcached_servers = h:11211"),
    "identity": SimpleNamespace(credentials="username = neutron", token_validation="interface = internal"),
    "overlay": SimpleNamespace(nb_connection="tcp:a:6641", sb_connection="tcp:a:6642"),
    "switch": SimpleNamespace(connection="unix:/run/openvswitch/db.sock"),
    "compute": SimpleNamespace(metadata_host="h", metadata_port=8775, metadata_secret=AWKWARD),
}


def parsed(name: str, container: str, **scope: Any) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(render("neutron", f"{name}.j2", **{**SCOPE, **scope}, container=container))
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


def test_routers_let_large_packets_pass_where_that_is_set() -> None:
    """A switch in userspace would take what TCP has yet to segment for too large (decision 63)."""
    assert "ovn_emit_need_to_frag" not in parsed("ml2_conf.ini", "neutron-server")["ovn"]
    passing = parsed("ml2_conf.ini", "neutron-server", neutron_ovn_emit_need_to_frag=False)["ovn"]
    assert passing["ovn_emit_need_to_frag"] == "false"


AGENTS: dict[str, Any] = {
    "neutron_plugin_agent": "openvswitch",
    "neutron_tenant_network_types": "vxlan,vlan",
    "neutron_service_plugins": ["router", "qos", "trunk", "port_forwarding", "segments"],
    "neutron_bridge_name": "br-ex, br-data",
    "neutron_physical_networks": "physnet1,physnet2",
    "openvswitch_datapath": "netdev",
    "tunnel_address": "10.1.0.5",
    "group_names": ("compute", "network"),
    "groups": {
        "compute": ("one.example",),
        "neutron-dhcp-agent": ("one.example", "two.example"),
        "neutron-l3-agent": ("one.example", "two.example"),
    },
}


def of_agents(name: str, container: str, **scope: Any) -> configparser.RawConfigParser:
    """A file of a cloud whose networks neutron's own agents make."""
    return parsed(name, container, **{**AGENTS, **scope})


def test_agents_are_on_the_bus_and_know_no_database() -> None:
    for container in ("neutron-openvswitch-agent", "neutron-dhcp-agent", "neutron-l3-agent"):
        agent = of_agents("neutron.conf", container)
        assert agent["DEFAULT"]["transport_url"] == "rabbit://h"
        assert agent["agent"]["root_helper"] == "env"
        assert "service_plugins" not in agent["DEFAULT"]
        assert not {"database", "nova", "placement", "keystone_authtoken"} & set(agent.sections())
        assert len([section for section in agent.sections() if section.startswith("privsep")]) == 6


def test_the_api_hears_of_agents_over_the_bus_and_knows_how_routers_are_made() -> None:
    server = of_agents("neutron.conf", "neutron-server")["DEFAULT"]
    assert "rpc_state_report_workers" not in server
    assert (server["router_distributed"], server["l3_ha"]) == ("false", "false")
    assert server["dhcp_agents_per_network"] == "1"
    both = {"enable_neutron_dvr": True, "enable_neutron_agent_ha": True}
    server = of_agents("neutron.conf", "neutron-server", **both)["DEFAULT"]
    assert (server["router_distributed"], server["l3_ha"]) == ("true", "true")
    assert server["dhcp_agents_per_network"] == "2"
    assert parsed("neutron.conf", "neutron-server")["DEFAULT"]["rpc_state_report_workers"] == "0"


def test_with_agents_ml2_makes_vxlan_and_says_nothing_of_ovn() -> None:
    ml2 = of_agents("ml2_conf.ini", "neutron-server")
    assert ml2["ml2"]["mechanism_drivers"] == "openvswitch,l2population"
    assert ml2["ml2"]["type_drivers"] == "flat,vlan,vxlan,geneve,local"
    assert ml2["ml2"]["project_network_types"] == "vxlan,vlan"
    assert "ml2_type_vxlan" in ml2
    assert "ovn" not in ml2
    # Of OVN's tunnels alone.
    assert "max_header_size" not in ml2["ml2_type_geneve"]


def test_the_switchs_agent_knows_its_bridges_and_tunnels() -> None:
    agent = of_agents("openvswitch_agent.ini", "neutron-openvswitch-agent")
    assert agent["ovs"]["bridge_mappings"] == "physnet1:br-ex,physnet2:br-data"
    assert (agent["ovs"]["local_ip"], agent["ovs"]["datapath_type"]) == ("10.1.0.5", "netdev")
    assert (agent["agent"]["tunnel_types"], agent["agent"]["l2_population"]) == ("vxlan", "true")
    assert agent["agent"]["extensions"] == "qos"
    assert agent["securitygroup"]["firewall_driver"] == "openvswitch"
    compute = of_agents(
        "openvswitch_agent.ini",
        "neutron-openvswitch-agent",
        group_names=("compute",),
        neutron_tenant_network_types="vlan",
    )
    assert compute["ovs"]["bridge_mappings"] == ""
    assert "local_ip" not in compute["ovs"]
    assert (compute["agent"]["tunnel_types"], compute["agent"]["l2_population"]) == ("", "false")


def test_packets_are_logged_to_a_file_of_the_agents_own_where_that_is_asked_for() -> None:
    silent = of_agents("openvswitch_agent.ini", "neutron-openvswitch-agent")
    assert "network_log" not in silent
    plugins = [*AGENTS["neutron_service_plugins"], "log"]
    agent = of_agents("openvswitch_agent.ini", "neutron-openvswitch-agent", neutron_service_plugins=plugins)
    assert agent["agent"]["extensions"] == "qos,log"
    assert agent["network_log"]["local_output_log_base"] == "/var/log/kolla/neutron/packets.log"


def test_limits_are_the_switchs_own_where_the_kernel_does_not_see_packets() -> None:
    for datapath, own in (("netdev", "true"), ("system", "false")):
        agent = of_agents("openvswitch_agent.ini", "", openvswitch_datapath=datapath)
        assert agent["ovs"]["qos_meter_bandwidth"] == own


def test_only_in_userspace_routers_hang_on_the_switch_by_pairs_of_the_kernels() -> None:
    for name in ("l3_agent.ini", "dhcp_agent.ini"):
        assert of_agents(name, "")["DEFAULT"]["ovs_use_veth"] == "true"
        assert of_agents(name, "", openvswitch_datapath="system")["DEFAULT"]["ovs_use_veth"] == "false"


def test_whether_a_host_routes_for_itself_or_for_all() -> None:
    def mode(host: str, **scope: Any) -> str:
        return of_agents("l3_agent.ini", "", inventory_hostname=host, **scope)["DEFAULT"]["agent_mode"]

    assert mode("one.example") == "legacy"
    assert mode("one.example", enable_neutron_dvr=True) == "dvr_snat"
    assert mode("three.example", enable_neutron_dvr=True) == "dvr"


def test_routers_do_what_the_api_offers() -> None:
    agent = of_agents("l3_agent.ini", "")["agent"]
    assert agent["extensions"] == "fip_qos,gateway_ip_qos,port_forwarding"
    assert of_agents("l3_agent.ini", "", neutron_service_plugins=["router"])["agent"]["extensions"] == ""


def test_metadata_comes_by_one_socket_and_proves_itself_to_compute() -> None:
    sockets = {
        of_agents(name, "")["DEFAULT"]["metadata_proxy_socket"]
        for name in ("dhcp_agent.ini", "l3_agent.ini", "metadata_agent.ini")
    }
    service = yaml.safe_load((SERVICES / "neutron/service.yml").read_text())
    containers = [service["containers"][f"neutron-{name}-agent"] for name in ("dhcp", "l3", "metadata")]
    places = {path for container in containers for path in container["volumes"].values()}
    assert sockets == {f"{places.pop()}/metadata_proxy"}
    agent = of_agents("metadata_agent.ini", "")["DEFAULT"]
    assert agent["metadata_proxy_shared_secret"] == AWKWARD.reveal()


def test_every_host_is_to_have_its_agents() -> None:
    scope = {
        "neutron_plugin_agent": "ovn",
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
