"""A program in the proxy takes hosts out of it and puts them back."""

from __future__ import annotations

from typing import Any

from .conftest import on_every_engine

pytestmark = on_every_engine


def member(host: Any, *command: str) -> dict[str, Any]:
    return {
        "id": "drain:web/one@here",
        "kind": "member",
        "service": "test",
        "action": "drain",
        "container": host.name("web"),
        "command": list(command),
        "after": [],
        "timeout": 30,
    }


def drained(host: Any, script: str) -> Any:
    asked = {"container": host.name("web"), "command": ["/bin/sh", "-c", script]}
    return host.observe(members=asked)["drained"]


def test_the_program_runs_in_the_proxy_and_says_how_it_went(host: Any) -> None:
    host.do(host.container())
    said = host.do(member(host, "/bin/sh", "-c", "echo one; echo two"))
    assert said["message"] == "one; two"
    failed = host.do(member(host, "/bin/sh", "-c", "echo no such member; exit 1"), "failed")
    assert failed["log"] == ["no such member"]


def test_a_proxy_that_does_not_run_or_lacks_the_program_holds_nobody_up(host: Any) -> None:
    host.do(member(host, "/bin/true"), "skipped")
    assert drained(host, "exit 0") == []
    host.do(host.container())
    host.do(member(host, "/bin/of_a_later_image", "drain"), "skipped")
    host.engine.containers.get(host.name("web")).stop(timeout=1)
    host.do(member(host, "/bin/true"), "skipped")
    assert drained(host, "exit 0") == []


def test_who_is_out_is_part_of_the_state(host: Any) -> None:
    host.do(host.container())
    assert drained(host, """echo '[["web", "one"]]'""") == [["web", "one"]]
    assert drained(host, "exit 1") == []
    assert host.observe()["drained"] == []
