"""What cinder's services are told, who of them is missed, and what stands for sudo."""

from __future__ import annotations

import configparser
import json
import subprocess
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
    "groups": {"cinder": ("one",), "cinder-volume": ("one",), "cinder-backup": ("one",)},
    "cinder_backup_driver": "ceph",
    "ceph_cinder_key": "a key",
    "cinder_rbd_secret_uuid": "a name",
    "database": SimpleNamespace(url="mysql+pymysql://cinder:secret@h:3306/cinder"),
    "message_bus": SimpleNamespace(url="rabbit://h", oslo="rabbit_quorum_queue = true"),
    "cache": SimpleNamespace(tokens="memcached_servers = h:11211"),
    "identity": SimpleNamespace(credentials="username = cinder", token_validation="interface = internal"),
}
SEVERAL = {"groups": {name: ("one", "two") for name in ("cinder", "cinder-volume", "cinder-backup")}}


def configuration(container: str, **changed: Any) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(render("cinder", "cinder.conf.j2", **SCOPE | changed, container=container))
    return parser


def refused(**values: Any) -> list[str]:
    """The sentences of what goes not together."""
    rules = yaml.safe_load((SERVICES / "cinder" / "service.yml").read_text())["refuses"]
    where = Location(SERVICES / "cinder" / "service.yml", 1)
    given = {
        "enable_cinder": True,
        "cinder_backend_ceph": True,
        "cinder_more_backends": [],
        "enable_cinder_backend_nfs": False,
        "cinder_nfs_shares": [],
        "enable_cinder_backup": True,
        "cinder_backup_driver": "ceph",
        "groups": SCOPE["groups"],
        **values,
    }
    return [sentence for sentence, rule in rules.items() if expressions.evaluate(rule, given, where) is True]


def test_only_the_volume_service_knows_backends() -> None:
    own = configuration("cinder-volume")
    assert own["DEFAULT"]["enabled_backends"] == "rbd-1"
    assert own["rbd-1"]["rbd_user"] == "cinder"
    for other in ("cinder-api", "cinder-scheduler", "cinder-backup"):
        assert "rbd-1" not in configuration(other)
        assert "enabled_backends" not in configuration(other)["DEFAULT"]


def test_backends_of_the_operator_are_added_or_stand_alone() -> None:
    more = {"cinder_more_backends": ["array-1", "array-2"]}
    assert configuration("cinder-volume", **more)["DEFAULT"]["enabled_backends"] == "rbd-1,array-1,array-2"
    alone = configuration("cinder-volume", **more, cinder_backend_ceph=False)
    assert alone["DEFAULT"]["enabled_backends"] == "array-1,array-2"
    assert "rbd-1" not in alone


def test_hosts_that_share_volumes_share_their_name_and_their_locks() -> None:
    one, several = configuration("cinder-volume"), configuration("cinder-volume", **SEVERAL)
    assert "cluster" not in one["DEFAULT"]
    assert one["coordination"]["backend_url"] == "file:///var/lib/cinder"
    assert several["DEFAULT"]["cluster"] == "kolla"
    assert several["coordination"]["backend_url"] == "mysql://cinder:secret@h:3306/cinder"
    assert "cluster" not in configuration("cinder-volume", **SEVERAL, cinder_backend_ceph=False)["DEFAULT"]
    # Whoever removes a volume's snapshot through the API takes the same lock as its volume service.
    for together in (SEVERAL, {"enable_cinder_backend_nfs": True}):
        api = configuration("cinder-api", **together)
        assert api["coordination"]["backend_url"] == several["coordination"]["backend_url"]


def test_backups_go_to_ceph_or_to_files() -> None:
    assert configuration("cinder-backup")["DEFAULT"]["backup_ceph_pool"] == "backups"
    files = configuration("cinder-backup", cinder_backup_driver="posix")["DEFAULT"]
    assert files["backup_posix_path"] == "/var/lib/cinder/backup"
    assert "backup_driver" not in configuration("cinder-volume")["DEFAULT"]


def test_what_mounts_is_a_service_of_its_own_and_the_same_on_every_host() -> None:
    own = configuration("cinder-volume-nfs", **SEVERAL)
    assert own["DEFAULT"]["enabled_backends"] == "nfs-1"
    assert "cluster" not in own["DEFAULT"]
    assert (own["DEFAULT"]["host"], configuration("cinder-volume")["DEFAULT"]["host"]) == ("kolla", "one")
    assert "rbd-1" not in own
    assert "nfs-1" not in configuration("cinder-volume")
    assert own["privsep_osbrick"]["helper_command"].startswith("privsep-helper ")
    assert "capabilities" not in own["privsep_osbrick"]
    backup = configuration("cinder-backup-nfs")
    assert backup["DEFAULT"]["backup_ceph_pool"] == "backups"
    assert "capabilities" not in backup["cinder_sys_admin"]


def test_shares_are_told_one_a_line() -> None:
    shares = ["192.0.2.21:/a", "192.0.2.22:/b -o vers=4.2"]
    assert render("cinder", "nfs_shares.j2", cinder_nfs_shares=shares).splitlines() == shares


def test_helpers_ask_for_nothing_that_the_container_may_not() -> None:
    for container in ("cinder-volume", "cinder-backup"):
        own = configuration(container)
        for section in ("cinder_sys_admin", "privsep_osbrick"):
            assert own[section]["capabilities"] == ""
            assert own[section]["helper_command"].startswith("privsep-helper ")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, []),
        ({"cinder_backend_ceph": False}, ["nowhere to keep volumes", "backup_driver ceph without"]),
        ({"cinder_backend_ceph": False, "enable_cinder": False}, []),
        (
            {
                "cinder_backend_ceph": False,
                "cinder_more_backends": ["array-1"],
                "cinder_backup_driver": "posix",
            },
            [],
        ),
        ({"cinder_more_backends": ["array-1"]}, []),
        ({"cinder_more_backends": ["array-1"], **SEVERAL}, ["on several hosts"]),
        ({"enable_cinder_backend_nfs": True}, ["names none"]),
        ({"enable_cinder_backend_nfs": True, "cinder_nfs_shares": ["/volumes"]}, ["no share of NFS"]),
        (
            {"enable_cinder_backend_nfs": True, "cinder_nfs_shares": ["h:/a", "[::1]:/b -o hard"], **SEVERAL},
            [],
        ),
        (
            {
                "cinder_backend_ceph": False,
                "cinder_backup_driver": "posix",
                "enable_cinder_backend_nfs": True,
                "cinder_nfs_shares": ["h:/a"],
            },
            [],
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(values: dict[str, Any], words: list[str]) -> None:
    said = refused(**values)
    assert len(said) == len(words)
    assert all(word in sentence for word, sentence in zip(words, said, strict=True))


def test_every_host_is_to_have_its_services() -> None:
    scope = {
        "groups": {"cinder": ("one",), "cinder-volume": ("one", "two"), "cinder-backup": ("two",)},
        "hostnames": {"one": "n1", "two": "n2"},
        "identity": SimpleNamespace(url="http://h:5000/v3"),
        "endpoint": SimpleNamespace(internal_url="http://h:8776/v3/%(tenant_id)s"),
        "cinder_keystone_password": AWKWARD,
    }
    document = json.loads(render("cinder", "services.json.j2", **scope))
    assert document["services"] == {
        "cinder-scheduler": ["n1"],
        "cinder-volume": ["n1@rbd-1", "n2@rbd-1"],
        "cinder-backup": ["n2"],
    }
    without = json.loads(render("cinder", "services.json.j2", **scope, enable_cinder_backup=False))
    assert without["services"]["cinder-backup"] == []
    mounted = json.loads(render("cinder", "services.json.j2", **scope, enable_cinder_backend_nfs=True))
    assert mounted["services"]["cinder-volume"] == ["n1@rbd-1", "n2@rbd-1", "kolla@nfs-1"]


def test_what_is_asked_of_root_is_done_as_who_asks() -> None:
    words = ["cinder-rootwrap", "/etc/cinder/rootwrap.conf", "printf", "%s,", "a b", "c"]
    sudo = SERVICES / "cinder" / "image" / "kolla_cinder_sudo"
    done = subprocess.run([sudo, *words], capture_output=True, text=True, check=True)
    assert done.stdout == "a b,c,"
