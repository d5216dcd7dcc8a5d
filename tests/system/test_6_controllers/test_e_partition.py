"""One controller of three is cut off from everybody: it stops serving, the others go on, and all of them have
every write that was acknowledged once they are together again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from system.client import until

from test_6_controllers import test_a_database as database
from test_6_controllers import test_b_bus_and_identity as bus
from test_6_controllers.controllers import CONTROLLERS, Controllers
from test_6_controllers.test_c_proxy import holders
from test_6_controllers.writers import Writes

pytestmark = pytest.mark.long

NOTICED = 120
"""Seconds until a member knows that it is alone; RabbitMQ's hear from each other every minute."""
TOGETHER = 180
"""Seconds after which all are members again."""
CLIENTS_WAIT = 30
"""Seconds for which nothing may be acknowledged."""
INSERT = "REPLACE INTO kolla_test.written VALUES (-1)"


def refuses_rows(three: Controllers, host: str) -> bool:
    """Whether the database's member there does, as a client on that very host sees it."""
    user = ["-uroot", f"-p{database.password(three)}", f"-h{three.rig.address(host)}"]
    try:
        three.rig.run(host, ["docker", "exec", "mariadb", "mariadb", *user, "-e", INSERT])
    except RuntimeError as error:
        return "WSREP has not yet prepared node" in str(error)
    return False


def refuses_messages(three: Controllers, host: str) -> bool:
    """Whether the message bus's member there does."""
    ask = ["docker", "exec", "rabbitmq", "kolla_rabbitmq_healthcheck", three.rig.address(host), "5672"]
    try:
        three.rig.run(host, ask)
    except RuntimeError as error:
        return "Connection refused" in str(error)
    return False


def victim(three: Controllers, has: str) -> str:
    return holders(three)[0] if has == "the VIP" else CONTROLLERS[0]


@pytest.mark.parametrize("has", ["the VIP", "the database in use"])
def test_who_is_cut_off_serves_nobody_and_loses_nothing(three: Controllers, tmp_path: Path, has: str) -> None:
    alone = victim(three, has)
    writes = Writes(three, tmp_path, f"partition-{time.time_ns()}")
    with writes.going_on():
        three.rig.cut_off(alone)
        try:
            until(lambda: refuses_rows(three, alone), NOTICED, "the database's member serves nobody")
            until(lambda: refuses_messages(three, alone), NOTICED, "the message bus's member serves nobody")
            (_,) = (host for host in holders(three) if host != alone)
            before = len(writes.users)
            until(lambda: len(writes.users) > before + 5, CLIENTS_WAIT, "the others serve")
            assert refuses_rows(three, alone)
            assert refuses_messages(three, alone)
        finally:
            three.rig.reconnect(alone)
        until(lambda: database.whole(three) and bus.whole(three), TOGETHER, "all are members again")
        until(lambda: len(holders(three)) == 1, CLIENTS_WAIT, "one host has the VIP")
    assert writes.missing() == {}
    assert writes.longest < CLIENTS_WAIT
    assert three.cloud.plan() == []
    assert all(finding["ok"] for finding in three.cloud.json("check"))
