"""How the command line says no."""

import json
from pathlib import Path

import pytest

from kolla.errors import InputError, InputErrors, KollaError, Location, LockedError

from .conftest import REALLY, Answer

WRONG = InputError(
    "unknown key 'a'", where=Location(Path("g.yml"), 3), expected="a key", hint="did you mean 'b'?"
)


@pytest.mark.parametrize(
    ("error", "code"),
    [(WRONG, 3), (KollaError("it failed"), 1), (LockedError("h is held by ann"), 4)],
)
def test_an_error_is_shown_once_and_decides_the_exit_code(kolla, script, error, code):
    script.error = error
    outcome = kolla("deploy")
    assert (outcome.exit_code, outcome.out, outcome.err) == (code, "", f"{error}\n")


def test_an_error_as_json_is_the_one_document_on_stdout(kolla, script):
    script.error = InputErrors([WRONG, InputError("b is wrong")])
    outcome = kolla("plan", "-f", "json")
    assert (outcome.exit_code, outcome.err) == (3, "")
    assert json.loads(outcome.out) == {
        "error": {
            "errors": [
                {
                    "what": "unknown key 'a'",
                    "where": "g.yml:3",
                    "expected": "a key",
                    "hint": "did you mean 'b'?",
                },
                {"what": "b is wrong"},
            ]
        }
    }


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("deploy", "hosts finish what they began"),
        (f"restore {REALLY}", "hosts finish what they began"),
        ("build", "images that are done stay, what was half made is gone"),
        ("push", "what is in the registry stays there"),
        ("plan", "nothing was changed"),
        ("genpwd", "files that were written stay so"),
    ],
)
def test_ctrl_c_says_what_it_leaves(kolla, script, line, left):
    script.error = KeyboardInterrupt()
    outcome = kolla(*line.split())
    assert outcome.exit_code == 130
    assert outcome.err.strip() == f"interrupted\n  hint: {left}; run it again to go on"


def test_a_file_that_cannot_be_written_is_no_defect(kolla, script, tmp_path):
    from kolla.state.plan import Plan

    script.result = Answer()
    script.result.plan = Plan(cloud_name="c", cloud_id="1", precondition="p", operations=())
    directory = tmp_path / "missing"
    outcome = kolla("plan", "-o", str(directory / "plan.json"))
    assert outcome.exit_code == 1
    assert outcome.err.startswith(f"{directory}") and outcome.err.endswith(": No such file or directory\n")


def test_a_defect_is_two_lines_and_a_private_log(kolla, script, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    script.error = ZeroDivisionError("by nought")
    outcome = kolla("deploy")
    (log,) = tmp_path.iterdir()
    assert outcome.exit_code == 1
    assert outcome.err == (
        f"a defect of kolla: ZeroDivisionError: by nought\n  hint: the traceback is in {log}\n"
    )
    assert "Traceback" in log.read_text() and log.stat().st_mode & 0o777 == 0o600
