"""What nova's services are told, and who of them is missed."""

from __future__ import annotations

import configparser
import json
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from kolla.errors import Location
from kolla.settings import expressions

from .scripts import SERVICES
from .test_templates import AWKWARD, render

SCOPE: dict[str, Any] = {
    "hostname": "one",
    "upgrading": False,
    "nova_conductor_workers": 1,
    "nova_libvirt_cpu_mode": "none",
    "database": SimpleNamespace(url="mysql+pymysql://nova:secret@h/nova"),
    "databases": SimpleNamespace(nova_api=SimpleNamespace(url="mysql+pymysql://nova:secret@h/nova_api")),
    "message_bus": SimpleNamespace(url="rabbit://h", oslo="rabbit_quorum_queue = true"),
    "cache": SimpleNamespace(oslo="memcache_servers = h:11211", tokens="memcached_servers = h:11211"),
    "identity": SimpleNamespace(credentials="username = nova", token_validation="interface = internal"),
    "endpoints": {
        "nova-novncproxy": SimpleNamespace(public_url="http://h:6080/vnc_lite.html"),
        "nova-spicehtml5proxy": SimpleNamespace(public_url="http://h:6082/spice_auto.html"),
        "nova-serialproxy": SimpleNamespace(public_url="http://h:6083/"),
    },
}
SERVICE: dict[str, Any] = yaml.safe_load((SERVICES / "nova" / "service.yml").read_text())


def text(container: str, **changed: Any) -> str:
    return render("nova", "nova.conf.j2", **SCOPE | changed, container=container)


def configuration(container: str, **changed: Any) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(text(container, **changed))
    return parser


KNOWN = {
    "group_names": (),
    "nova_libvirt_cpu_mode": "none",
    "nova_backend_ceph": False,
    "kolla_base_distro": "debian",
}
"""Settings that others have, or whose default is an expression."""


def refused(**given: Any) -> list[str]:
    """What is refused of these settings, where the others have their defaults."""
    defaults = {name: setting.get("default") for name, setting in SERVICE["settings"].items()}
    where = Location(SERVICES / "nova" / "service.yml", 1)
    rules = SERVICE["refuses"].items()
    return [
        what
        for what, rule in rules
        if expressions.evaluate(rule, {**defaults, **KNOWN, **given}, where) is True
    ]


@pytest.mark.parametrize(("setting", "option"), [(True, "true"), (False, "false")])
def test_whether_servers_are_started_with_their_host_is_said_to_the_compute_service(
    setting: bool, option: str
) -> None:
    changed = {"nova_resume_guests_state_on_host_boot": setting}
    own = configuration("nova-compute", **changed)["DEFAULT"]
    assert own["resume_guests_state_on_host_boot"] == option
    assert "resume_guests_state_on_host_boot" not in configuration("nova-api", **changed)["DEFAULT"]


def test_the_compute_service_knows_no_database() -> None:
    assert {"database", "api_database"}.isdisjoint(configuration("nova-compute").sections())
    assert {"database", "api_database"} <= set(configuration("nova-conductor").sections())


def test_disks_are_files_until_the_settings_say_that_they_are_in_ceph() -> None:
    assert "images_type" not in configuration("nova-compute")["libvirt"]
    changed = {"nova_backend_ceph": True, "cinder_rbd_secret_uuid": "a name"}
    own = configuration("nova-compute", **changed)["libvirt"]
    assert (own["images_type"], own["images_rbd_pool"]) == ("rbd", "vms")
    assert (own["rbd_user"], own["rbd_secret_uuid"]) == ("cinder", "a name")
    assert "images_type" not in configuration("nova-api", **changed)["libvirt"]


def test_every_host_is_to_have_its_services() -> None:
    scope = {
        "groups": {"nova-conductor": ("one",), "nova-scheduler": ("one",), "compute": ("one", "two")},
        "hostnames": {"one": "n1", "two": "n2"},
        "identity": SimpleNamespace(url="http://h:5000/v3"),
        "endpoint": SimpleNamespace(internal_url="http://h:8774/v2.1"),
        "nova_keystone_password": AWKWARD,
    }
    document = json.loads(render("nova", "services.json.j2", **scope))
    assert document["services"] == {
        "nova-conductor": ["n1"],
        "nova-scheduler": ["n1"],
        "nova-compute": ["n1", "n2"],
    }
    assert document["auth"]["password"] == AWKWARD.reveal()


MIGRATION = {"migration_address": "192.0.2.7"}


def test_servers_move_to_the_address_of_a_host_and_only_compute_services_are_told() -> None:
    own = configuration("nova-compute", **MIGRATION)["libvirt"]
    assert own["live_migration_inbound_addr"] == own["migration_inbound_addr"] == "192.0.2.7"
    assert "live_migration_inbound_addr" not in configuration("nova-api", **MIGRATION)["libvirt"]
    assert 'migration_address = "192.0.2.7"' in render("nova", "qemu.conf.j2", **MIGRATION)
    # libvirt does not start with such an address.
    assert "migration_address" not in render("nova", "qemu.conf.j2", migration_address="127.0.0.1")
    assert "ListenAddress 192.0.2.7\n" in render("nova", "sshd_config.j2", **MIGRATION)


def test_processors_are_named_where_they_are_chosen() -> None:
    models = {"nova_libvirt_cpu_mode": "custom", "nova_libvirt_cpu_models": ["Nehalem", "Haswell-noTSX"]}
    assert configuration("nova-compute", **MIGRATION, **models)["libvirt"]["cpu_models"] == (
        "Nehalem,Haswell-noTSX"
    )
    assert "cpu_models" not in configuration("nova-compute", **MIGRATION)["libvirt"]


@pytest.mark.parametrize(
    ("mode", "models", "count"),
    [("custom", [], 1), ("host-model", ["Nehalem"], 1), ("custom", ["Nehalem"], 0), ("none", [], 0)],
)
def test_processors_are_named_there_and_nowhere_else(mode: str, models: list[str], count: int) -> None:
    assert len(refused(nova_libvirt_cpu_mode=mode, nova_libvirt_cpu_models=models)) == count


def test_who_moves_servers_knows_hosts_by_both_names() -> None:
    scope = {
        "groups": {"compute": ("one", "two"), "network": ("one",)},
        "hostnames": {"one": "n1", "two": "n2"},
        "identity": SimpleNamespace(
            url="http://h:5000/v3",
            region="RegionOne",
            admin_user="admin",
            admin_password=AWKWARD,
            admin_project="admin",
        ),
    }
    document = json.loads(render("nova", "hosts.json.j2", **scope))
    assert (document["hosts"], document["gateways"]) == ({"one": "n1", "two": "n2"}, ["n1"])
    assert document["auth"]["password"] == AWKWARD.reveal()


# -- options that every operator turns -----------------------------------------------------------------


@pytest.mark.parametrize("container", ["nova-compute", "nova-novncproxy"])
def test_servers_have_the_screen_that_is_asked_for_and_no_other(container: str) -> None:
    novnc, spice, none = (configuration(container, nova_console=kind) for kind in ("novnc", "spice", "none"))
    assert (novnc["vnc"]["enabled"], "spice" in novnc) == ("true", False)
    assert novnc["vnc"]["novncproxy_base_url"] == "http://h:6080/vnc_lite.html"
    assert all(
        (each["vnc"]["enabled"], "server_listen" in each["vnc"]) == ("false", False) for each in (spice, none)
    )
    assert spice["spice"]["enabled"] == "true"
    assert spice["spice"]["html5proxy_base_url"] == "http://h:6082/spice_auto.html"
    assert spice["spice"]["server_listen"] == spice["spice"]["html5proxy_host"] == "10.0.0.5"
    assert "spice" not in none
    # Others would be restarted when it is changed.
    assert "vnc" not in configuration("nova-api")


def test_serial_ports_are_reached_by_websocket_where_it_is_asked_for() -> None:
    assert "serial_console" not in configuration("nova-compute")
    on = configuration("nova-compute", enable_nova_serialconsole_proxy=True)["serial_console"]
    assert (on["enabled"], on["base_url"], on["proxyclient_address"]) == ("true", "ws://h:6083/", "10.0.0.5")
    tls = {"nova-serialproxy": SimpleNamespace(public_url="https://h:6083/")}
    changed = {"enable_nova_serialconsole_proxy": True, "endpoints": {**SCOPE["endpoints"], **tls}}
    assert configuration("nova-serialproxy", **changed)["serial_console"]["base_url"] == "wss://h:6083/"


def test_a_firewall_lets_in_the_ports_that_serial_consoles_have() -> None:
    on = configuration("nova-compute", enable_nova_serialconsole_proxy=True)["serial_console"]["port_range"]
    first, last = on.split(":")
    (ports,) = (
        traffic["ports"]
        for traffic in SERVICE["containers"]["nova-libvirt"]["traffic"]
        if "serialconsole" in str(traffic["ports"])
    )
    assert f"'{first}-{last}'" in ports


def test_a_compute_host_is_as_large_as_is_said_and_else_as_nova_says() -> None:
    assert "allocation_ratio" not in text("nova-compute")
    ratios = {
        "nova_cpu_allocation_ratio": 1.5,
        "nova_ram_allocation_ratio": 1,
        "nova_disk_allocation_ratio": 2,
    }
    own = configuration("nova-compute", **ratios)["DEFAULT"]
    assert [own[f"{what}_allocation_ratio"] for what in ("cpu", "ram", "disk")] == ["1.5", "1", "2"]
    assert "allocation_ratio" not in text("nova-api", **ratios)
    assert [len(refused(**{name: 0})) for name in ratios] == [1, 1, 1]
    assert refused(**ratios) == []


PAGES = [{"node": 0, "size": 2048, "count": 64}, {"node": 1, "size": "1GB", "count": 1}]


def test_huge_pages_are_kept_from_servers() -> None:
    lines = [
        line for line in text("nova-compute", nova_reserved_huge_pages=PAGES).split("\n") if "huge" in line
    ]
    assert lines == [
        "reserved_huge_pages = node:0,size:2048,count:64",
        "reserved_huge_pages = node:1,size:1GB,count:1",
    ]
    assert refused(nova_reserved_huge_pages=PAGES) == []


@pytest.mark.parametrize(
    "item", ["node:0,size:2048,count:64", 5, {"node": 0, "size": 4}, {**PAGES[0], "x": 1}]
)
def test_huge_pages_are_said_whole(item: Any) -> None:
    assert len(refused(nova_reserved_huge_pages=[*PAGES, item])) == 1


SPECS = [{"vendor_id": "10de", "product_id": "1eb8"}, {"address": {"bus": "0a", "slot": "*"}}]
ALIASES = [{"name": "gpu", "vendor_id": "10de", "product_id": "1eb8", "device_type": "type-PCI"}]


def test_devices_are_told_to_their_host_and_their_names_to_all() -> None:
    given = {"nova_pci_device_specs": SPECS, "nova_pci_aliases": ALIASES}
    told = {
        container: [
            line.split(" = ", 1)
            for line in text(container, **given).split("\n")
            if line.startswith(("device_spec =", "alias ="))
        ]
        for container in ("nova-compute", "nova-api")
    }
    aliases = [["alias", alias] for alias in ALIASES]
    assert [[key, json.loads(value)] for key, value in told["nova-api"]] == aliases
    assert [[key, json.loads(value)] for key, value in told["nova-compute"]] == [
        *(["device_spec", spec] for spec in SPECS),
        *aliases,
    ]
    assert "pci" not in configuration("nova-compute")
    assert refused(**given) == []


@pytest.mark.parametrize(
    "item", [{"vendor_id": 1002}, {"address": ["0a"]}, {"trusted": True}, "10de:1eb8", 7]
)
def test_what_describes_no_device_is_refused(item: Any) -> None:
    assert len(refused(nova_pci_device_specs=[*SPECS, item])) == 1
    assert (
        len(refused(nova_pci_aliases=[*ALIASES, {**item, "name": "x"} if isinstance(item, dict) else item]))
        == 1
    )


def test_a_name_for_devices_is_a_name() -> None:
    assert len(refused(nova_pci_aliases=[{"vendor_id": "10de", "product_id": "1eb8"}])) == 1


def test_the_scheduler_knows_of_huge_pages_and_devices() -> None:
    filters = configuration("nova-scheduler")["filter_scheduler"]["enabled_filters"].split(",")
    assert {"ComputeFilter", "NUMATopologyFilter", "PciPassthroughFilter"} < set(filters)
    assert "filter_scheduler" not in configuration("nova-api")
