"""Watching containers that were just changed."""

import time
from typing import Any

from .conftest import on_every_engine

pytestmark = on_every_engine

Json = dict[str, Any]


def soak(host, *nouns: str, seconds: int = 2, **changes: Any) -> Json:
    return {
        "id": "soak:canary-1@here",
        "kind": "soak",
        "service": "host",
        "after": [],
        "timeout": seconds + 60,
        "seconds": seconds,
        "containers": [host.name(noun) for noun in nouns],
        **changes,
    }


def test_what_stays_healthy_has_been_watched_for_the_time(host):
    host.apply(host.container("web"), host.container("db", health=None))
    before = time.monotonic()
    host.do(soak(host, "web", "db"))
    assert time.monotonic() - before >= 2


def test_what_ends_fails_at_once_with_its_log(host):
    run = "echo so long; sleep 4; exit 7\n"
    host.do(host.container(run=run, health=None, restart_policy="no"))
    before = time.monotonic()
    event = host.do(soak(host, "web", seconds=600), "failed")
    assert event["message"] == f"container '{host.name('web')}' ended with exit status 7"
    assert "so long" in event["log"]
    assert time.monotonic() - before < 60


def test_what_the_engine_starts_again_fails(host):
    host.do(host.container(run="sleep 4; exit 7\n", health=None, restart_policy="unless-stopped"))
    event = host.do(soak(host, "web", seconds=600), "failed")
    assert host.name("web") in event["message"] and "ended" in event["message"]


def test_what_does_not_pass_its_check_at_the_end_fails(host):
    # The engine itself would find out after its interval only.
    run = "echo > /tmp/ready; sleep 1; trap 'exit 0' TERM; while :; do sleep 0.1; done\n"
    check = {"command": ("/bin/test", "-e", "/config/run"), "interval": 30, "timeout": 5, "retries": 3}
    host.do(host.container(run=run, health=check))
    (host.directory / "etc" / "web" / "run").unlink()
    event = host.do(soak(host, "web", seconds=1), "failed")
    assert "does not pass its health check" in event["message"]


def test_what_waits_for_it_is_not_begun(host):
    host.do(host.container("web", run="sleep 4; exit 7\n", health=None, restart_policy="no"))
    events = host.apply(soak(host, "web", seconds=600), host.container("db", after=["soak:canary-1@here"]))
    assert events["container:db@here"]["status"] == "blocked"
    assert "db" not in host.containers()
