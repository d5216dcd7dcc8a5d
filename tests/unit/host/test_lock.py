"""Lock and lease."""

import os
import shutil
import socket
import time

import pytest

from kolla.host import lock
from kolla.host.cloud import Cloud
from kolla.host.errors import Refusal

OWNER = {"user": "ann", "host": "far", "boot_id": "x", "pid": 1, "command": "kolla deploy"}


@pytest.fixture
def cloud(tmp_path):
    return Cloud("c", "id", tmp_path / "c")


def test_one_at_a_time(cloud):
    handle = lock.take(cloud, "one", OWNER, 0)
    with pytest.raises(Refusal, match="ann@far, process 1: kolla deploy") as refusal:
        lock.take(cloud, "two", OWNER, 0)
    assert refusal.value.answer()["lease"]["run"] == "one"
    os.close(handle)
    with pytest.raises(Refusal):
        lock.take(cloud, "two", OWNER, 0)
    lock.release(cloud, "two")
    with pytest.raises(Refusal):
        lock.take(cloud, "two", OWNER, 0)
    lock.release(cloud, "one")
    os.close(lock.take(cloud, "two", OWNER, 0))


def test_the_same_run_may_come_again(cloud):
    os.close(lock.take(cloud, "one", OWNER, 0))
    os.close(lock.take(cloud, "one", OWNER, 0))


def test_a_lease_nobody_renews_may_be_taken_over(cloud):
    os.close(lock.take(cloud, "one", OWNER, 0))
    old = time.time() - lock.LEASE_SECONDS - 1
    os.utime(cloud.directory / "lease.json", (old, old))
    lock.renew(cloud, "other")
    os.close(lock.take(cloud, "two", OWNER, 0))
    lock.renew(cloud, "one")
    lock.release(cloud, "one")
    assert (lock.read(cloud) or {})["run"] == "two"


def test_a_run_that_said_it_would_be_silent_keeps_its_lease(cloud):
    os.close(lock.take(cloud, "one", OWNER, 0, silence=3600))
    old = time.time() - lock.LEASE_SECONDS - 3500
    os.utime(cloud.directory / "lease.json", (old, old))
    with pytest.raises(Refusal, match="not heard of for 1 h 13 min: if that goes on, others may in 1 min"):
        lock.take(cloud, "two", OWNER, 0)
    os.utime(cloud.directory / "lease.json", (old - 101, old - 101))
    os.close(lock.take(cloud, "two", OWNER, 0))


def test_renewing(cloud):
    os.close(lock.take(cloud, "one", OWNER, 0))
    old = time.time() - lock.LEASE_SECONDS - 1
    os.utime(cloud.directory / "lease.json", (old, old))
    lock.renew(cloud, "one")
    with pytest.raises(Refusal):
        lock.take(cloud, "two", OWNER, 0)


HERE = {"host": socket.gethostname(), "boot_id": "b"}


@pytest.mark.parametrize(
    ("owner", "age", "stale"),
    [
        ({**HERE, "pid": os.getpid()}, 0, False),
        ({**HERE, "pid": os.getpid()}, lock.LEASE_SECONDS - 1, False),
        ({**HERE, "pid": os.getpid()}, lock.LEASE_SECONDS + 1, True),
        ({**HERE, "pid": 1 << 30}, 0, True),
        ({**HERE, "pid": 1 << 30, "boot_id": "other"}, 0, False),
        ({**HERE, "pid": 1 << 30, "host": "other"}, 0, False),
        ({**HERE, "pid": 1 << 30, "host": "other"}, lock.LEASE_SECONDS + 1, True),
        ({**HERE, "pid": 1 << 30, "host": "other"}, -lock.LEASE_SECONDS - 1, True),
        ({}, 0, False),
    ],
)
def test_stale(owner, age, stale):
    assert lock.is_stale({"owner": owner, "renewed": 1000.0}, 1000.0 + age, "b") is stale


def test_a_lock_whose_file_was_removed_is_not_a_lock(cloud):
    one = lock.take(cloud, "one", OWNER, 0)
    (cloud.directory / "lock").unlink()
    two = lock.take(cloud, "one", OWNER, 0)
    assert os.fstat(one).st_ino != os.fstat(two).st_ino
    os.close(one)
    os.close(two)


def test_held_gives_a_lease_of_its_own_back(cloud):
    with lock.held(cloud, {}):
        assert lock.read(cloud)
    assert lock.read(cloud) is None
    with lock.held(cloud, {"run": "one", "owner": OWNER}):
        pass
    assert (lock.read(cloud) or {})["run"] == "one"


def test_a_request_of_its_own_says_who_holds_the_lock_and_leaves_nothing_when_it_is_killed(cloud):
    with lock.held(cloud, {}):
        lease = lock.read(cloud) or {}
        with pytest.raises(Refusal, match=f"{socket.gethostname()}, process {os.getpid()}: "):
            lock.take(cloud, "two", OWNER, 0)
    assert not lock.is_stale(lease, time.time(), lock.boot_id())
    assert lock.is_stale({**lease, "owner": {**lease["owner"], "pid": 1 << 30}}, time.time(), lock.boot_id())


def test_the_lease_of_a_run_that_is_known_to_be_gone_may_be_taken_over(cloud):
    os.close(lock.take(cloud, "one", OWNER, 0))
    with pytest.raises(Refusal):
        lock.take(cloud, "two", OWNER, 0, gone="another")
    os.close(lock.take(cloud, "two", OWNER, 0, gone="one"))
    assert (lock.read(cloud) or {})["run"] == "two"


def test_what_was_removed_under_the_lock_does_not_come_back(cloud):
    with lock.held(cloud, {}):
        shutil.rmtree(cloud.directory)
    assert not cloud.directory.exists()


def said(cloud, since=0.0, renewed=0.0):
    """What is said of the lease, that long after it was taken and renewed."""
    now = time.time()
    lease = lock.read(cloud)
    return lock.sentence({**lease, "since": now - since, "renewed": now - renewed})


def test_the_sentence_names_owner_and_age(cloud):
    os.close(lock.take(cloud, "one", OWNER, 0))
    who = "this host is being changed by ann@far, process 1: kolla deploy"
    assert said(cloud, 12.3, 1) == f"{who}, for 12 s"
    assert said(cloud, 725, 30) == f"{who}, for 12 min"
    assert said(cloud, 7500, 300.5) == (
        f"{who}, for 2 h 5 min; not heard of for 5 min: if that goes on, others may in 9 min"
    )
    assert said(cloud, 7500, lock.LEASE_SECONDS + 1).endswith(
        "for 2 h 5 min; that one has ended, and the next to come takes over"
    )


def test_the_age_is_that_of_the_run_not_of_its_last_request(cloud):
    os.close(lock.take(cloud, "one", OWNER, 0))
    first = lock.read(cloud)["since"]
    os.close(lock.take(cloud, "one", OWNER, 0))
    assert lock.read(cloud)["since"] == first
    lock.release(cloud, "one")
    os.close(lock.take(cloud, "two", OWNER, 0))
    assert lock.read(cloud)["since"] > first


def test_who_is_refused_is_told_the_age(cloud):
    os.close(lock.take(cloud, "one", OWNER, 0))
    with pytest.raises(Refusal, match=r"process 1: kolla deploy, for \d+ s$"):
        lock.take(cloud, "two", OWNER, 0)
