"""What `kolla init-runonce` decides: settings that can work, servers without a place, logins."""

from __future__ import annotations

import json
import subprocess
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .scripts import SERVICES, load
from .test_templates import render

IDENTITY = SimpleNamespace(
    url="http://192.0.2.9:5000/v3",
    admin_user="admin",
    admin_password="secret",
    admin_project="admin",
    region="RegionOne",
)


@pytest.fixture(scope="module")
def rules() -> ModuleType:
    return load("demo", "rules.py")


@pytest.fixture(scope="module")
def login() -> ModuleType:
    return load("demo", "login.py")


def settings(**changed: Any) -> dict[str, Any]:
    """What the job reads, with some settings of globals.yml changed."""
    scope = {
        "identity": IDENTITY,
        "kolla_internal_vip_address": "192.0.2.9",
        "kolla_external_vip_address": "192.0.2.9",
        "neutron_bridge_address": "10.0.2.1/24",
        "neutron_external_interface": "",
        "host_addresses": ["192.0.2.9", "fd00::9"],
        **changed,
    }
    document: dict[str, Any] = json.loads(render("demo", "demo.json.j2", **scope))
    return document


@pytest.fixture(scope="module")
def usual() -> dict[str, Any]:
    return settings()


def test_the_usual_settings_work(rules: ModuleType) -> None:
    assert rules.mistakes(settings()) == []
    assert rules.mistakes(settings(demo_server=False)) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"demo_external_range": "10.0.2.150"}, "'10.0.2.150' is no range"),
        ({"demo_external_range": "10.0.2.199-10.0.2.150"}, "is no range"),
        (
            {"demo_external_range": "10.0.2.150-10.0.3.5"},
            "10.0.3.5 is outside demo_external_cidr 10.0.2.0/24",
        ),
        ({"demo_external_range": "10.0.2.150-10.0.2.255"}, "10.0.2.255 is no address for a host"),
        (
            {"demo_external_range": "10.0.2.1-10.0.2.9"},
            "holds 10.0.2.1, which is taken: demo_external_gateway",
        ),
        ({"demo_external_gateway": "10.0.3.1"}, "10.0.3.1 is outside demo_external_cidr"),
        ({"demo_external_gateway": "gateway.example.org"}, "'gateway.example.org' is no IP address"),
        ({"kolla_internal_vip_address": "10.0.2.160"}, "holds 10.0.2.160, which is taken"),
        ({"host_addresses": ["10.0.2.161"]}, "holds 10.0.2.161, which is taken"),
        (
            {"neutron_bridge_address": "192.168.9.1/24"},
            "192.168.9.1 is outside demo_external_cidr 10.0.2.0/24",
        ),
        ({"neutron_bridge_address": "here"}, "neutron_bridge_address: 'here' is no address"),
        ({"neutron_bridge_address": "10.0.2.199/24"}, "holds 10.0.2.199, which is taken"),
        ({"demo_network_cidr": "10.0.0.0/16"}, "10.0.0.0/16 overlaps demo_external_cidr 10.0.2.0/24"),
        ({"demo_network_cidr": "10.0.9.0/30"}, "10.0.9.0/30 is too small"),
        ({"demo_server_flavor": "m1.tni"}, "'m1.tni' is none of demo_flavors: m1.tiny, m1.small"),
        ({"demo_flavors": [{"name": "m1.tiny", "vcpus": 1, "ram": "512", "disk": 1}]}, "is no flavour"),
        ({"demo_flavors": ["m1.tiny"]}, "m1.tiny is no flavour"),
        (
            {"demo_flavors": [{"name": "m1.tiny", "vcpus": 1, "ram": 512, "disk": 1, "dsk": 2, "swop": 3}]},
            "m1.tiny has dsk, swop; expected: only name, vcpus, ram, disk, description",
        ),
        ({"demo_image_url": "/root/x.qcow2"}, "'/root/x.qcow2' is no address"),
        ({"demo_image_url": "http://a/b", "demo_image_file": "/b"}, "are both set"),
    ],
)
def test_settings_that_cannot_work(rules: ModuleType, changed: dict[str, Any], said: str) -> None:
    assert said in "; ".join(rules.mistakes(settings(**changed)))


def test_addresses_beside_the_range_are_nobodys_concern(rules: ModuleType) -> None:
    taken = {"kolla_internal_vip_address": "10.0.2.149", "kolla_external_vip_address": "cloud.example.org"}
    assert rules.mistakes(settings(**taken, neutron_bridge_address="")) == []


def test_a_network_of_an_interface_of_its_own_need_not_hold_the_bridges_address(rules: ModuleType) -> None:
    assert (
        rules.mistakes(settings(neutron_bridge_address="192.168.9.1/24", neutron_external_interface="eth2"))
        == []
    )
    assert rules.mistakes(settings(neutron_bridge_address="")) == []


@pytest.mark.parametrize(
    ("fixed", "ranges", "said"),
    [
        ({"is_router_external": True}, ["10.0.2.0/24"], None),
        ({"is_router_external": True}, [], None),
        ({}, ["10.0.1.0/24", "10.0.2.0/24"], None),
        ({}, ["10.0.1.0/24"], "network public1 is there with addresses 10.0.1.0/24, wanted is 10.0.2.0/24"),
        ({"is_router_external": False}, [], "with is_router_external True, wanted is False: remove it"),
    ],
)
def test_a_network_that_is_there_is_used_or_refused(
    rules: ModuleType, fixed: dict[str, Any], ranges: list[str], said: str | None
) -> None:
    present = {"name": "public1", "is_router_external": True}
    found = rules.differences(present, fixed, "10.0.2.0/24", ranges)
    assert found is None if said is None else said in found


def test_only_what_differs_of_a_subnet_is_changed(rules: ModuleType) -> None:
    present = {"gateway_ip": "10.0.2.1", "dns_nameservers": [], "is_dhcp_enabled": True}
    assert rules.changed(present, {"gateway_ip": "10.0.2.1", "dns_nameservers": []}) == {}
    assert rules.changed(present, {"dns_nameservers": ["192.0.2.1"]}) == {"dns_nameservers": ["192.0.2.1"]}


FLAVOUR = {"name": "m1.tiny", "vcpus": 1, "ram": 512, "disk": 1}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (FLAVOUR, None),
        ({**FLAVOUR, "swap": 0, "is_public": True}, None),
        ({**FLAVOUR, "disk": 0}, "is there with {'name': 'm1.tiny', 'vcpus': 1, 'ram': 512, 'disk': 1}"),
        ({**FLAVOUR, "swap": 64}, "'swap': ''"),
        ({**FLAVOUR, "is_public": False}, "'is_public': True"),
    ],
)
def test_a_flavour_that_is_there_is_used_or_refused(
    rules: ModuleType, wanted: dict[str, Any], said: str | None
) -> None:
    present = {**FLAVOUR, "swap": "", "ephemeral": 0, "is_public": True, "description": None, "id": "1"}
    assert set(present) == {*rules.FLAVOR, *rules.FLAVOR_OPTIONS}
    found = rules.flavor_differs(present, wanted)
    assert found is None if said is None else said in found


def test_a_key_is_the_same_whatever_is_said_of_it(rules: ModuleType) -> None:
    assert rules.same_key("ssh-ed25519 AAAA me@here", "ssh-ed25519 AAAA")
    assert not rules.same_key("ssh-ed25519 AAAA me@here", "ssh-ed25519 BBBB me@here")


@pytest.mark.parametrize(
    ("status", "source", "usable", "unfinished"),
    [
        ("active", "sha256:a", True, False),
        ("active", "sha256:b", False, False),
        ("active", None, False, False),
        ("queued", "sha256:a", False, True),
        ("saving", "sha256:a", False, True),
        ("deactivated", "sha256:a", False, False),
    ],
)
def test_an_image_is_used_replaced_or_removed(
    rules: ModuleType, status: str, source: str | None, usable: bool, unfinished: bool
) -> None:
    assert rules.usable(status, source, "sha256:a") is usable
    assert rules.unfinished(status) is unfinished


@pytest.mark.parametrize(("size", "whole"), [(0, 0), (1, 1), (1 << 30, 1), ((1 << 30) + 1, 2)])
def test_a_disk_has_whole_gibibytes(rules: ModuleType, size: int, whole: int) -> None:
    assert rules.gibibytes(size) == whole


@given(st.text(alphabet="0123456789.-:ab ", max_size=40))
def test_any_range_is_refused_or_works(rules: ModuleType, usual: dict[str, Any], text: str) -> None:
    found = rules.mistakes({**usual, "external": {**usual["external"], "range": text}})
    try:
        first, last = rules.pool(text)
    except ValueError:
        assert found
    else:
        assert found or (first.startswith("10.0.2.") and last.startswith("10.0.2."))


def test_other_external_networks_keep_their_addresses(rules: ModuleType) -> None:
    others = [("six", "2001:db8::/64"), ("far", "10.0.3.0/24"), ("near", "10.0.2.128/25")]
    said = rules.overlapping("10.0.2.0/24", others)
    assert said == "demo_external_cidr 10.0.2.0/24 overlaps 10.0.2.128/25 of the external network near"
    assert rules.overlapping("10.0.2.0/24", others[:2]) is None


def test_quotas_are_raised_and_never_lowered(rules: ModuleType) -> None:
    present = {"instances": 10, "cores": 80, "ram": -1, "key_pairs": 100}
    wanted = {"instances": 40, "cores": 40, "ram": 96000, "key_pairs": -1}
    assert rules.raised(present, wanted) == {"instances": 40, "key_pairs": -1}
    with pytest.raises(ValueError, match=r"no quota 'ramm'; expected: one of cores, instances"):
        rules.raised(present, {"ramm": 1})


def inventory(total: int, **more: Any) -> dict[str, Any]:
    return {"total": total, "reserved": 0, "allocation_ratio": 1.0, "max_unit": total, **more}


def test_why_no_host_takes_a_server(rules: ModuleType) -> None:
    wanted = {"VCPU": 2, "MEMORY_MB": 512, "DISK_GB": 1}
    room = {"VCPU": inventory(8), "MEMORY_MB": inventory(4096), "DISK_GB": inventory(100)}
    assert rules.why_no_place(wanted, []) == "no compute host has told the placement service what it has"
    new = rules.Provider("new", {}, {})
    full = rules.Provider("full", {**room, "MEMORY_MB": inventory(4096, reserved=512)}, {"MEMORY_MB": 3500})
    small = rules.Provider("small", {**room, "VCPU": inventory(1, allocation_ratio=4.0)}, {})
    off = rules.Provider("off", room, {}, frozenset({"COMPUTE_STATUS_DISABLED"}))
    assert [rules.settled(wanted, [each]) for each in (new, full, small, off)] == [False, True, True, False]
    said = rules.why_no_place(wanted, [new, full, small, off]).split("; ")
    assert said == [
        "new: offers no VCPU, offers no MEMORY_MB, offers no DISK_GB",
        "full: 84 of 3584 MEMORY_MB are free, 512 are needed",
        "small: gives a server at most 1 VCPU, 2 are needed",
        "off: its compute service is disabled or not ready yet",
    ]


def answers(stdout: str, stderr: str = "", returncode: int = 0) -> Any:
    return lambda *_, **__: subprocess.CompletedProcess([], returncode, stdout, stderr)


def test_a_login_tells_both_names(login: ModuleType) -> None:
    names = login.names("key", "root", "10.0.2.150", answers('demo1\n{"name": "demo1", "uuid": "x"}'))
    assert names == login.Names("demo1", "demo1")


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (
            answers("", "ssh: connect to host 10.0.2.150 port 22: Connection refused\n", 255),
            "Connection refused",
        ),
        (answers("", "", 255), "ssh ended with status 255"),
        (answers("demo1\n", "", 1), "the metadata service does not answer"),
        (answers("demo1\n<html>"), "the metadata service does not answer"),
        (answers("demo1\n[]"), "the metadata service does not answer"),
    ],
)
def test_no_login_says_why(login: ModuleType, run: Any, said: str) -> None:
    with pytest.raises(login.NotYet, match=said):
        login.names("key", "root", "10.0.2.150", run)


def test_a_login_that_hangs_ends(login: ModuleType) -> None:
    def hang(*_: Any, **options: Any) -> Any:
        raise subprocess.TimeoutExpired([], options["timeout"])

    with pytest.raises(login.NotYet, match=r"no answer within 60 s"):
        login.names("key", "root", "10.0.2.150", hang)


def test_ssh_asks_nothing_and_remembers_nothing(login: ModuleType) -> None:
    words = login.command("demo_key", "root", "10.0.2.150")
    assert words[:3] == ["ssh", "-i", "demo_key"]
    assert {"BatchMode=yes", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes"} <= set(words)
    assert words[-1] == "root@10.0.2.150"


def test_every_module_of_the_script_is_in_the_image() -> None:
    """Compiled and not imported: the controller has none of the libraries they need."""
    folder = SERVICES / "demo"
    present = {path.name for path in (folder / "image").iterdir() if path.is_file()}
    listed = (folder / "service.yml").read_text()
    assert {name for name in present if f"{name}:" not in listed} == {"kolla-guest.Dockerfile.j2"}
    for name in present - {"kolla-guest.Dockerfile.j2", "kolla_guest_make"}:
        compile((folder / "image" / name).read_text(), name, "exec")
