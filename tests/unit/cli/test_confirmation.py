"""What wants to be confirmed before it is done."""

import io

import pytest

from kolla.cli.main import invoke
from kolla.errors import ChangedError
from kolla.results import Holdings

from .conftest import REALLY, Answer


def test_what_interrupts_the_cloud_wants_confirmation(kolla, script):
    outcome = kolla("destroy")
    assert (outcome.exit_code, script.calls) == (3, [])
    assert REALLY in outcome.err


class Forecast(Answer):
    """A plan of something."""

    empty = False

    def text(self):
        return "interrupts endpoint keystone"


@pytest.mark.parametrize("verb", ["stop", "restart"])
def test_power_says_what_it_interrupts_and_wants_confirmation(kolla, script, verb):
    script.result = Forecast()
    outcome = kolla(verb, "keystone")
    assert (outcome.exit_code, script.calls) == (3, [("plan_power", (verb, ("keystone",)), {})])
    assert "interrupts endpoint keystone" in outcome.err and REALLY in outcome.err
    assert outcome.out == ""


class Planned(Forecast):
    """What going back to a revision would do."""

    towards, plan = 6, "the plan"


@pytest.mark.parametrize(("line", "asked"), [("rollback --yes", None), ("rollback 7 --yes", 7)])
def test_a_rollback_does_the_plan_that_was_shown(kolla, script, line, asked):
    script.result = Planned()
    outcome = kolla(*line.split())
    assert "interrupts endpoint keystone" in outcome.err
    assert script.calls == [
        ("plan_against", (asked,), {}),
        ("rollback", (6,), {"plan": "the plan", "restore": False, "lock_timeout": 60}),
    ]


def test_what_was_confirmed_before_it_was_shown_is_shown_again_when_the_hosts_have_changed(
    kolla, script, monkeypatch
):
    monkeypatch.setattr("kolla.cli.run.PAUSE", 0)
    script.result = Planned()
    script.refusals["rollback"] = [ChangedError("look"), ChangedError("look")]
    outcome = kolla("rollback", "--yes")
    assert (outcome.exit_code, [verb for verb, *_ in script.calls]) == (0, ["plan_against", "rollback"] * 3)
    assert outcome.err.count("interrupts endpoint keystone") == 3
    assert outcome.err.count("the hosts have changed since this plan was shown; it is shown again") == 2


def test_hosts_that_never_stand_still_are_given_up(kolla, script, monkeypatch):
    monkeypatch.setattr("kolla.cli.run.PAUSE", 0)
    script.result = Planned()
    script.refusals["power"] = [ChangedError("look at it again")] * 100
    outcome = kolla("start", "a")
    assert (outcome.exit_code, len(script.calls)) == (3, 2 * 21)
    assert "hint: look at it again" in outcome.err


def test_a_rollback_without_anybody_to_ask_touches_nothing(kolla, script):
    outcome = kolla("rollback")
    assert (outcome.exit_code, script.calls) == (3, [])
    assert "nobody can be asked here" in outcome.err and "--yes" in outcome.err


@pytest.mark.parametrize(("line", "action"), [(f"stop a {REALLY}", "stop"), ("start a", "start")])
def test_power_is_done_as_it_was_planned(kolla, script, line, action):
    script.result = Planned()
    outcome = kolla(*line.split())
    assert outcome.exit_code == 0
    assert script.calls == [
        ("plan_power", (action, ("a",)), {}),
        ("power", (action, ("a",), "the plan"), {}),
    ]


@pytest.mark.parametrize(
    ("said", "done"), [("east\n", True), ("west\n", False), ("\n", False), ("y\n", False)]
)
def test_on_a_terminal_destroy_says_what_goes_and_wants_the_name(script, said, done, monkeypatch, capsys):
    holdings = {"containers": ["keystone"], "volumes": {"mariadb": 5_000_000, "huge": None}}
    script.result = Holdings("east", {"one": holdings})
    terminal = io.StringIO(said)
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    code = invoke(["destroy", "--volumes"])
    flags = {"volumes": True, "images": False, "purge": False}
    called = [("holdings", (), flags), ("destroy", (), flags | {"config": False})]
    assert (code, script.calls) == ((0, called) if done else (3, called[:1]))
    shown = capsys.readouterr().err
    assert "one: 1 container: keystone\n  one: 2 volumes: mariadb (5 MB), huge\n" in shown


@pytest.mark.parametrize(("said", "done"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_on_a_terminal_power_asks(script, said, done, monkeypatch, capsys):
    script.result = Planned()
    terminal = io.StringIO(said)
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    code = invoke(["restart", "keystone"])
    assert (code, len(script.calls)) == ((0, 2) if done else (3, 1))
    assert "Go on? [y/N]" in capsys.readouterr().err


def test_who_said_yes_to_a_plan_is_told_that_it_would_be_another(script, monkeypatch, capsys):
    script.result = Planned()
    script.refusals["power"] = [ChangedError("look at it again")]
    terminal = io.StringIO("y\n")
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    assert (invoke(["restart", "keystone"]), len(script.calls)) == (3, 2)
    assert "have changed since this plan was shown" in capsys.readouterr().err
