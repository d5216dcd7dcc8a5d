"""Options that verbs share."""

from pathlib import Path

import pytest


def test_options_stand_before_or_after_the_verb(kolla, script):
    expected = {
        "config_directory": Path("/c"),
        "inventory": ("a", "b"),
        "service_paths": (Path("s"),),
        "limit": ("h1", "h2"),
        "tags": ("x",),
    }
    given = [
        "-i",
        "a",
        "-i",
        "b",
        "--configdir",
        "/c",
        "--service-path",
        "s",
        "--limit",
        "h1,h2",
        "--tags",
        "x",
    ]
    for line in ([*given, "plan"], ["plan", *given]):
        assert kolla(*line).exit_code == 0
        assert {key: script.given[key] for key in expected} == expected


def test_an_option_after_the_verb_wins(kolla, script):
    kolla("--configdir", "/before", "plan", "--configdir", "/after")
    assert script.given["config_directory"] == Path("/after")


def test_configdir_comes_from_the_environment_unless_given(kolla, script, monkeypatch):
    kolla("plan")
    assert script.given["config_directory"] == Path("/etc/kolla")
    monkeypatch.setenv("KOLLA_CONFIG_PATH", "/elsewhere")
    kolla("plan")
    assert script.given["config_directory"] == Path("/elsewhere")
    kolla("--configdir", "/given", "plan")
    assert script.given["config_directory"] == Path("/given")


@pytest.mark.parametrize(
    "line", ["deplyo", "plan --no-such-option", "lock --date soon", "deploy --lock-timeout -1", "logs"]
)
def test_a_wrong_command_line_is_bad_input(kolla, script, line):
    outcome = kolla(*line.split())
    assert (outcome.exit_code, outcome.out, script.calls) == (3, "", [])
    assert "--help" in outcome.err


@pytest.mark.parametrize("line", [["--limit", ""], ["--limit", ","], ["--tags", " "]])
def test_a_choice_of_nothing_is_not_a_choice_of_all(kolla, script, line):
    outcome = kolla("deploy", *line)
    assert (outcome.exit_code, script.calls) == (3, [])
    assert "it names nothing; leave it out to mean all" in outcome.err
