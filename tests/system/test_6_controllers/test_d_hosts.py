"""Hosts that leave service, the cloud, or their disks: the others serve on, and it comes back."""

from __future__ import annotations

import pytest
from system.client import until
from system.probes import Probes

from test_6_controllers.controllers import CONTROLLERS, Controllers
from test_6_controllers.test_c_proxy import CLIENTS_WAIT, holders, keystone

YES = "--yes-i-really-really-mean-it"
MEMBERS = "SHOW STATUS LIKE 'wsrep_cluster_size'"


def test_a_controller_leaves_service_and_is_back(three: Controllers) -> None:
    (before,) = holders(three)
    with Probes(keystone(three)) as probes:
        three.cloud.run("host", "maintenance", before, "on", YES)
        (after,) = until(lambda: [h for h in holders(three) if h != before], 30, "another host has the VIP")
        drained = three.rig.run(after, ["docker", "exec", "haproxy", "kolla_haproxy_members", "drained"])
        assert f'"{before}"' in drained
        three.cloud.run("host", "maintenance", before, "off", YES)
    assert probes.longest_gap < CLIENTS_WAIT, probes.failed
    assert holders(three) == [after]
    assert three.cloud.plan() == []


def members(three: Controllers, host: str) -> int:
    """How many members the database's cluster has, as the one on a host sees it."""
    ask = [
        "mariadb",
        "--defaults-file=/etc/mysql/healthcheck.cnf",
        "--batch",
        "--skip-column-names",
        "-e",
        MEMBERS,
    ]
    return int(three.rig.run(host, ["docker", "exec", "mariadb", *ask]).split()[-1])


@pytest.mark.long
def test_a_controller_leaves_for_good_and_a_new_one_takes_its_place(three: Controllers) -> None:
    first, second, third = CONTROLLERS
    groups = three.cloud.config_directory / "groups"
    text = groups.read_text()
    three.cloud.run("host", "remove", third, "--volumes", YES)
    try:
        assert three.rig.run(third, ["docker", "ps", "--all", "--quiet"]) == ""
        assert members(three, first) == members(three, second) == 2
        groups.write_text("".join(line for line in text.splitlines(True) if not line.startswith(third)))
        assert three.cloud.plan() == []
    finally:
        groups.write_text(text)
    three.cloud.run("host", "add", third, YES)
    assert members(three, third) == len(CONTROLLERS)
    assert three.cloud.plan() == []


@pytest.mark.long
def test_a_controller_with_empty_disks_is_what_it_was(three: Controllers) -> None:
    first = CONTROLLERS[0]
    three.rig.run(
        first, ["sh", "-c", "docker rm -f $(docker ps -aq) && docker volume rm $(docker volume ls -q)"]
    )
    three.rig.run(first, ["rm", "-rf", "/var/lib/kolla", "/etc/kolla"])
    three.cloud.run("host", "replace", first, YES)
    assert members(three, first) == len(CONTROLLERS)
    assert all(finding["ok"] for finding in three.cloud.json("check"))
    assert three.cloud.plan() == []
