"""The database on three controllers: nothing acknowledged is lost, and members come back by themselves."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml
from system.client import until

from test_6_controllers.controllers import CONTROLLERS, Controllers

FLAG = "/tmp/writing"
SIZE = "SHOW GLOBAL STATUS LIKE 'wsrep_cluster_size'"


def client(three: Controllers, verb: str, address: str, *words: str) -> dict[str, Any]:
    """What a client of the database, on the last controller, says."""
    return three.ask_database(CONTROLLERS[-1], verb, address, *words)


def vip(three: Controllers) -> str:
    globals_ = yaml.safe_load((three.cloud.config_directory / "globals.yml").read_text())
    return str(globals_["kolla_internal_vip_address"])


def whole(three: Controllers) -> bool:
    """Whether all are members of one cluster, and have all changes."""
    inside = ["docker", "exec", "mariadb"]
    query = ["mariadb", "--defaults-file=/etc/mysql/healthcheck.cnf", "-BNe", SIZE]
    try:
        for host in CONTROLLERS:
            three.rig.run(host, [*inside, "kolla_mariadb_healthcheck"])
            if three.rig.run(host, [*inside, *query]).split()[-1] != str(len(CONTROLLERS)):
                return False
    except RuntimeError:
        return False
    return True


def rows(three: Controllers) -> set[int]:
    """How many rows there are, by each member."""
    return {client(three, "count", three.rig.address(host))["rows"] for host in CONTROLLERS}


def some_rows(three: Controllers) -> set[int]:
    """Rows that are written now, in the place of earlier ones; how many."""
    with ThreadPoolExecutor() as threads:
        writing = threads.submit(client, three, "write", vip(three), FLAG)
        time.sleep(5)
        three.rig.run(CONTROLLERS[-1], ["docker", "exec", "keystone", "rm", FLAG])
        return {writing.result(timeout=60)["written"]}


def kill_server(three: Controllers, host: str) -> None:
    three.rig.run(host, ["sh", "-c", "kill -9 $(pidof mariadbd)"])


def test_no_acknowledged_write_is_lost_with_the_member_that_serves(three: Controllers) -> None:
    assert whole(three)
    last = CONTROLLERS[-1]
    with ThreadPoolExecutor() as threads:
        writing = threads.submit(client, three, "write", vip(three), FLAG)
        until(lambda: is_writing(three), 60, "rows are written")
        kill_server(three, CONTROLLERS[0])
        until(lambda: whole(three), 180, "the member is back")
        three.rig.run(last, ["docker", "exec", "keystone", "rm", FLAG])
        done = writing.result(timeout=60)
    print(done)
    assert rows(three) == {done["written"]}
    assert done["longest"] < 30


def is_writing(three: Controllers) -> bool:
    try:
        return min(rows(three)) > 10
    except RuntimeError:
        return False


def test_a_member_without_its_data_gets_it_from_the_others(three: Controllers) -> None:
    first, before = CONTROLLERS[0], rows(three)
    three.rig.run(first, ["docker", "rm", "-f", "mariadb"])
    three.rig.run(first, ["docker", "volume", "rm", "mariadb"])
    three.cloud.run("deploy")
    assert whole(three)
    assert rows(three) == before
    assert three.cloud.plan() == []


def test_members_that_were_all_killed_find_each_other(three: Controllers) -> None:
    before = rows(three)
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda host: kill_server(three, host), CONTROLLERS))
    until(lambda: whole(three), 240, "all are members again")
    assert rows(three) == before


@pytest.mark.long
def test_members_that_do_not_find_each_other_begin_with_the_furthest(three: Controllers) -> None:
    before = some_rows(three)
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda host: three.rig.run(host, ["docker", "stop", "mariadb"]), CONTROLLERS))
    for host in CONTROLLERS:
        data = three.rig.run(
            host, ["docker", "volume", "inspect", "-f", "{{.Mountpoint}}", "mariadb"]
        ).strip()
        three.rig.run(
            host, ["sed", "-i", "s/safe_to_bootstrap: 1/safe_to_bootstrap: 0/", f"{data}/grastate.dat"]
        )
    said = three.cloud.run("mariadb-recovery", "--yes-i-really-really-mean-it")
    assert "begins the cluster at" in said
    assert whole(three)
    assert rows(three) == before
    assert three.cloud.plan() == []
