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

from .scripts import SERVICES, load
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
    "endpoints": {"nova-novncproxy": SimpleNamespace(public_url="http://h:6080/vnc_lite.html")},
}


def configuration(container: str, **changed: Any) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(render("nova", "nova.conf.j2", **SCOPE | changed, container=container))
    return parser


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


def test_a_silent_service_is_named() -> None:
    script = load("nova", "kolla_nova_services")
    services = [
        {"binary": "nova-conductor", "host": "n1", "state": "up"},
        {"binary": "nova-compute", "host": "n1", "state": "up"},
        {"binary": "nova-compute", "host": "n2", "state": "down"},
    ]
    assert list(script.missing({"nova-conductor": ["n1"], "nova-compute": ["n1"]}, services)) == []
    expected = {"nova-scheduler": ["n1"], "nova-compute": ["n1", "n2"]}
    assert list(script.missing(expected, services)) == ["nova-scheduler on n1", "nova-compute on n2"]


def test_a_service_that_has_just_started_is_waited_for() -> None:
    script = load("nova", "kolla_nova_services")
    answers = [["nova-compute on n1"], ["nova-compute on n1"], []]
    script.wait(lambda: answers.pop(0), limit=60, pause=0)
    assert answers == []
    with pytest.raises(script.Silent, match="not reporting: nova-compute on n2; kolla status"):
        script.wait(lambda: ["nova-compute on n2"], limit=0, pause=0)


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
    ("mode", "models", "refused"),
    [("custom", [], 1), ("host-model", ["Nehalem"], 1), ("custom", ["Nehalem"], 0), ("none", [], 0)],
)
def test_processors_are_named_there_and_nowhere_else(mode: str, models: list[str], refused: int) -> None:
    rules = yaml.safe_load((SERVICES / "nova" / "service.yml").read_text())["refuses"]
    values = {
        "nova_libvirt_cpu_mode": mode,
        "nova_libvirt_cpu_models": models,
        "nova_backend_ceph": False,
        "kolla_base_distro": "debian",
    }
    where = Location(SERVICES / "nova" / "service.yml", 1)
    assert [expressions.evaluate(rule, values, where) for rule in rules.values()].count(True) == refused


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
