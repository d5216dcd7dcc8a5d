"""`kolla host`: what the verbs are told, and that each says first what it is going to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kolla.cli.run import REALLY
from kolla.host_results import HostChange, Removal, Step
from kolla.results import Changes

from .conftest import Outcome, Script

Command = Callable[..., Outcome]


@pytest.fixture
def done(script: Script) -> list[str]:
    """What was carried out of a change of two steps, the first of which succeeds."""
    done: list[str] = []

    def step(what: str, exit_code: int) -> Step:
        def act() -> Changes:
            done.append(what)
            return Changes({"one": (f"{what} was done",)}, {}, exit_code)

        return Step(what, f"this is {what}", act)

    script.result = HostChange("Host 'one' changes:", (step("first", 0), step("second", 0)), "look at it.")
    return done


@pytest.mark.parametrize(
    ("words", "verb", "arguments", "keywords"),
    [
        ("add one two", "host_add", (("one", "two"),), {}),
        ("replace one", "host_replace", ("one",), {}),
        ("remove one", "host_remove", ("one", Removal()), {}),
        ("remove one --drain --volumes", "host_remove", ("one", Removal(drain=True, volumes=True)), {}),
        ("remove --off one", "host_remove", ("one", Removal(off=True)), {}),
        ("maintenance one on", "host_maintenance", ("one",), {"on": True, "stop": False}),
        ("maintenance one on --stop", "host_maintenance", ("one",), {"on": True, "stop": True}),
        ("maintenance one off", "host_maintenance", ("one",), {"on": False, "stop": False}),
    ],
)
def test_what_is_said_before_and_done_then(
    kolla: Command,
    script: Script,
    done: list[str],
    words: str,
    verb: str,
    arguments: tuple[Any, ...],
    keywords: dict[str, Any],
) -> None:
    outcome = kolla("host", *words.split(), REALLY)
    assert script.calls == [(verb, arguments, keywords)]
    assert (outcome.exit_code, done) == (0, ["first", "second"])
    assert "1. first\n   this is first\n\n2. second" in outcome.err
    assert outcome.out.splitlines()[-1] == "look at it."


def test_nothing_is_done_when_nobody_can_be_asked(kolla: Command, done: list[str]) -> None:
    outcome = kolla("host", "remove", "one")
    assert (outcome.exit_code, done) == (3, [])
    assert "Host 'one' changes:" in outcome.err
    assert REALLY in outcome.err


@pytest.mark.parametrize(
    "words", ["remove one --off --drain", "remove one --off --volumes", "maintenance one off --stop"]
)
def test_words_that_do_not_go_together(kolla: Command, script: Script, words: str) -> None:
    assert kolla("host", *words.split(), REALLY).exit_code == 3
    assert script.calls == []


def test_no_step_follows_one_that_failed(kolla: Command, script: Script) -> None:
    later: list[str] = []

    def never() -> Changes:
        later.append("done")
        return Changes({}, {})

    failing = Step("first", "", lambda: Changes({}, {}, 1))
    script.result = HostChange("Host 'one' changes:", (failing, Step("second", "", never)), "look at it.")
    outcome = kolla("host", "replace", "one", REALLY)
    assert (outcome.exit_code, later) == (1, [])
    assert "look at it." not in outcome.out
    assert "run it again" in outcome.out
