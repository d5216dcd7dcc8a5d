"""Stopping and starting containers that are there."""

from typing import Any

from .conftest import on_every_engine

pytestmark = on_every_engine

Json = dict[str, Any]


def stop(host, noun: str = "web", **changes: Any) -> Json:
    return {
        "id": f"stop:{noun}@here",
        "kind": "stop",
        "service": "test",
        "after": [],
        "timeout": 60,
        "container": host.name(noun),
        **changes,
    }


def start(host, noun: str = "web", **changes: Any) -> Json:
    settings = {"id": f"start:{noun}@here", "kind": "start", "again": False, "start_timeout": 5}
    return stop(host, noun, **{**settings, **changes})


def started_at(host) -> str:
    return str(host.inspect("web")["State"]["StartedAt"])


def test_stop_and_start(host):
    host.do(host.container())
    host.do(stop(host))
    assert host.inspect("web")["State"]["Status"] == "exited"
    host.do(stop(host), "skipped")
    host.do(start(host))
    assert host.inspect("web")["State"]["Running"]
    host.do(start(host), "skipped")


def test_restart(host):
    operation = host.container()
    host.do(operation)
    container, before = host.inspect("web")["Id"], started_at(host)
    host.do(start(host, again=True))
    assert (host.inspect("web")["Id"], started_at(host) != before) == (container, True)
    host.do(operation, "skipped")
    assert host.observe()["containers"][host.name("web")]["ready"]
    host.do(stop(host))
    host.do(start(host, again=True))
    assert host.inspect("web")["State"]["Running"]


def test_what_does_not_become_ready_fails_with_its_log(host):
    host.do(host.container(run="echo so long; exec sleep 0.5\n", health=None), "failed")
    host.do(stop(host))
    assert host.inspect("web")["State"]["Status"] == "exited"
    event = host.do(start(host), "failed")
    assert "ended" in event["message"]
    assert "so long" in event["log"]


def test_there_is_no_such_container(host):
    event = host.do(start(host, "other"), "failed")
    assert event["message"] == f"there is no container '{host.name('other')}'"


def test_a_strangers_container_is_left_alone(host):
    api = host.engine.api
    stranger = api.create_container(host.image, name=host.name("web"))
    try:
        assert "that this cloud did not make" in host.do(start(host), "failed")["message"]
    finally:
        api.remove_container(stranger["Id"])


def test_order_holds_within_a_host(host):
    host.apply(host.container("web"), host.container("db"))
    events = host.finish(host.begin(stop(host, after=["stop:db@here"]), stop(host, "db")))
    ended = [event["operation"] for event in events if event["status"] == "done"]
    assert ended == ["stop:db@here", "stop:web@here"]
