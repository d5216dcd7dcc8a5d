"""The same verbs over SSH: keystone on one host, database and message bus on another, each with its own
engine and its own Python, images through a registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from system.harness import Kolla, http
from system.multinode import NO_SERVERS, cloud_on
from system.rig import Rig

GROUPS = """\
[control]
node1

[mariadb]
node2

[rabbitmq]
node2
"""


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig.running("two-hosts", ["node1", "node2"]) as rig:
        yield rig


@pytest.fixture(scope="module")
def two(rig: Rig, machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kolla]:
    """A cloud on both hosts, deployed."""
    config = tmp_path_factory.mktemp("two-hosts")
    with cloud_on(rig, config, "two", GROUPS, NO_SERVERS, machine_globals) as cloud:
        yield cloud


def names(rig: Rig, host: str) -> set[str]:
    return set(rig.run(host, ["docker", "ps", "--format", "{{.Names}}"]).split())


def test_every_container_is_on_the_host_the_inventory_says(rig: Rig, two: Kolla) -> None:
    assert names(rig, "node1") == {
        "haproxy",
        "keepalived",
        "keystone",
        "kolla_toolbox",
        "logrotate",
        "memcached",
    }
    assert names(rig, "node2") == {"logrotate", "mariadb", "rabbitmq"}


def issues_tokens(two: Kolla) -> bool:
    """What the check of keystone says; all others are good as well."""
    found = {f["subject"]: f for f in two.json("check") if f["check"] == "function"}
    assert all(finding["ok"] for finding in found.values())
    return json.loads(found["keystone/check-token"]["message"])["issued"] is True


def test_a_token_is_issued(two: Kolla) -> None:
    assert issues_tokens(two)


def test_the_api_answers_on_the_vip_from_outside_the_hosts(two: Kolla) -> None:
    two.run("post-deploy")
    auth = yaml.safe_load((two.config_directory / "clouds.yaml").read_text())["clouds"]["kolla-admin"]["auth"]
    assert http(auth["auth_url"])[0] == 200


def test_a_second_deploy_does_nothing(rig: Rig, two: Kolla) -> None:
    before = {host: rig.run(host, ["docker", "ps", "--no-trunc", "-q"]) for host in ("node1", "node2")}
    assert "Nothing to do" in two.run("deploy")
    assert before == {host: rig.run(host, ["docker", "ps", "--no-trunc", "-q"]) for host in before}


def test_an_override_for_one_host_touches_that_host(rig: Rig, two: Kolla) -> None:
    two.override("mariadb/node2/my.cnf", "[mariadbd]\nmax_connections = 500\n")
    (operation,) = two.plan()
    assert operation["id"] == "container:mariadb@node2"
    assert operation["causes"] == [
        "my.cnf: [mariadbd] max_connections 1000 -> 500, set by config/mariadb/node2/my.cnf"
    ]
    two.run("deploy")
    assert two.plan() == []


def test_what_is_removed_on_a_host_is_found_and_repaired(rig: Rig, two: Kolla) -> None:
    rig.run("node2", ["docker", "rm", "-f", "mariadb"])
    rig.run("node1", ["docker", "rm", "-f", "memcached"])
    assert sorted(o["id"] for o in two.plan()) == ["container:mariadb@node2", "container:memcached@node1"]
    two.run("deploy")
    assert two.plan() == []


def test_an_empty_database_on_one_host_repeats_the_jobs_of_the_other(rig: Rig, two: Kolla) -> None:
    rig.run("node2", ["docker", "rm", "-f", "mariadb"])
    rig.run("node2", ["docker", "volume", "rm", "mariadb"])
    jobs = {o["id"]: o["causes"] for o in two.plan() if o["kind"] == "job"}
    assert jobs["job:keystone/db-sync@node1"] == ["volume mariadb on node2 is not the one it was done for"]
    two.run("deploy")
    assert issues_tokens(two)


def test_limit_leaves_the_other_host_alone(rig: Rig, two: Kolla) -> None:
    rig.run("node2", ["docker", "stop", "rabbitmq"])
    rig.run("node1", ["docker", "rm", "-f", "memcached"])
    two.run("deploy", "--limit", "node1")
    assert "memcached" in names(rig, "node1")
    assert "rabbitmq" not in names(rig, "node2")
    two.run("deploy")
    assert "rabbitmq" in names(rig, "node2")


def test_a_host_that_is_down_is_named_and_nothing_is_touched(rig: Rig, two: Kolla) -> None:
    rig.kill("node2")
    try:
        said = two.run("deploy", expect=1)
        assert "node2" in said
        assert "cannot be reached" in said
    finally:
        rig.start("node2")


def test_a_host_that_was_switched_off_comes_back_with_its_containers(rig: Rig, two: Kolla) -> None:
    two.run("deploy")
    assert names(rig, "node2") == {"logrotate", "mariadb", "rabbitmq"}
    assert two.plan() == []


def test_an_engine_that_does_not_run_is_named_and_bootstrap_starts_it(rig: Rig, two: Kolla) -> None:
    rig.run("node2", ["systemctl", "stop", "docker.socket", "docker.service"])
    said = two.run("deploy", expect=1)
    assert "no container engine answers on host 'node2'" in said
    assert "kolla bootstrap-servers" in said
    two.run("bootstrap-servers")
    two.run("deploy")
    assert two.plan() == []


def test_destroy_removes_the_cloud_and_keeps_the_data_unless_told(rig: Rig, two: Kolla) -> None:
    two.run("destroy", "--yes-i-really-really-mean-it")
    assert names(rig, "node1") == names(rig, "node2") == set()
    assert "mariadb" in rig.run("node2", ["docker", "volume", "ls", "-q"]).split()
    two.run("destroy", "--volumes", "--yes-i-really-really-mean-it")
    assert rig.run("node2", ["docker", "volume", "ls", "-q"]).split() == []
