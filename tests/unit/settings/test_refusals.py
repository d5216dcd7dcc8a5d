"""Settings that services refuse together."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from kolla.errors import InputError

from .conftest import VIP, LoadSettings, inventory

FLAVOUR = {"name": "m1.tiny", "vcpus": 1, "ram": 512, "disk": 1}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"demo_external_gateway": "10.0.3.1"},
            "demo_external_gateway 10.0.3.1 is outside demo_external_cidr",
        ),
        (
            {"demo_external_cidr": "10.0.3.0/24"},
            "demo_external_gateway 10.0.2.1 is outside demo_external_cidr",
        ),
        ({"demo_external_range": "10.0.2.9-10.0.3.1"}, "is no range in demo_external_cidr 10.0.2.0/24"),
        ({"demo_external_range": "10.0.2.9"[:-1] + "x"}, "10.0.2.x is no range"),
        ({"demo_external_range": "10.0.2.1-10.0.2.9"}, "holds demo_external_gateway 10.0.2.1"),
        (
            {"demo_external_range": "10.0.2.2-10.0.2.9", "kolla_internal_vip_address": "10.0.2.5"},
            "holds kolla_internal_vip_address 10.0.2.5",
        ),
        (
            {"demo_external_range": "10.0.2.2-10.0.2.9", "neutron_bridge_address": "10.0.2.5/24"},
            "holds neutron_bridge_address 10.0.2.5/24",
        ),
        (
            {"demo_external_cidr": "10.0.2.0/24", "neutron_bridge_address": "192.168.9.1/24"},
            "neutron_bridge_address 192.168.9.1/24 is outside demo_external_cidr 10.0.2.0/24",
        ),
        ({"demo_network_cidr": "10.0.0.0/16"}, "demo_network_cidr 10.0.0.0/16 overlaps demo_external_cidr"),
        ({"demo_image_url": "http://a/b", "demo_image_file": "/b"}, "are both set"),
        ({"demo_image_url": "/srv/image"}, "demo_image_url '/srv/image' is no address"),
        ({"demo_server_flavor": "m1.tni"}, "m1.tni is the name of none of demo_flavors"),
        ({"demo_flavors": [{**FLAVOUR, "swop": 1}]}, "demo_flavors: each has name, vcpus, ram and disk"),
        ({"demo_flavors": [FLAVOUR, {"name": "m1.small"}]}, "demo_flavors: each has name"),
        ({"demo_flavors": [FLAVOUR, "m1.small"]}, "demo_flavors: each has name"),
        ({"neutron_external_interface": "eth1, eth2"}, "more interfaces than neutron_bridge_name 'br-ex'"),
        ({"neutron_plugin_agent": "linuxbridge"}, "OpenStack 2024.2 was the last release that had it"),
        (
            {"neutron_plugin_agent": "openvswitch", "neutron_service_plugins": ["ovn-router"]},
            "has ovn-router, which is not for neutron_plugin_agent openvswitch",
        ),
        ({"neutron_service_plugins": ["router"]}, "has router, which is not for neutron_plugin_agent ovn"),
        (
            {"neutron_tenant_network_types": "vlan, vxlan"},
            "neutron_plugin_agent ovn does not make",
        ),
        (
            {"neutron_plugin_agent": "openvswitch", "neutron_tenant_network_types": "gre"},
            "neutron_plugin_agent openvswitch does not make",
        ),
        (
            {"neutron_bridge_name": "br-a,br-b", "neutron_physical_networks": "one"},
            "more bridges than neutron_physical_networks 'one' has names",
        ),
        (
            {"neutron_physical_network_mtus": {"physnet2": 9000}},
            "has networks that are not in neutron_physical_networks 'physnet1'",
        ),
        ({"neutron_physical_network_mtus": {"physnet1": "jumbo"}}, "has an MTU that is no whole number"),
    ],
)
def test_what_does_not_go_together_is_refused_with_its_line(
    load_settings: LoadSettings, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        load_settings(yaml.safe_dump({"kolla_internal_vip_address": "192.0.2.1", **given}))
    assert said in str(caught.value)
    assert "globals.yml:" in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {"neutron_bridge_address": "192.168.9.1/24"},
        {"kolla_internal_vip_address": "10.0.2.160"},
        {"demo_external_cidr": "10.0.2.0/24", "demo_external_gateway": "10.0.2.1"},
        {
            "demo_external_cidr": "10.0.2.0/24",
            "neutron_bridge_address": "192.168.9.1/24",
            "neutron_external_interface": "eth1",
        },
        {"demo_flavors": [{**FLAVOUR, "swap": 1, "description": "small"}]},
        {"demo_image_url": "https://example.org/image"},
        {"demo_flavors": [{**FLAVOUR, "name": "mine"}], "demo_server": False},
        {"neutron_external_interface": "eth1", "neutron_bridge_name": "br-a,br-b"},
        {"demo_external_range": "10.0.2.1-10.0.2.9", "enable_demo": False},
        {"neutron_plugin_agent": "openvswitch", "neutron_tenant_network_types": "vlan, vxlan,geneve"},
        {"neutron_tenant_network_types": "vlan"},
    ],
)
def test_what_goes_together_and_defaults_that_nobody_chose_are_not(
    load_settings: LoadSettings, given: dict[str, Any]
) -> None:
    load_settings(yaml.safe_dump({"kolla_internal_vip_address": "192.0.2.1", **given}))


def test_a_host_is_refused_what_it_alone_has(load_settings: LoadSettings) -> None:
    hosts = inventory({"one": {"neutron_external_interface": "eth1,eth2"}})
    with pytest.raises(InputError, match=r"inventory/multinode: .*'eth1,eth2' has more interfaces"):
        load_settings(VIP, hosts)
