"""Figures of `make bench`, and what it ends with when one is above its limit."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.figure import Figure, show


def test_a_figure_says_whether_it_keeps_its_limit() -> None:
    assert str(Figure("build", 1.0, "s", 2)).split() == ["build", "1.00", "s", "limit", "2", "ok"]
    assert str(Figure("build", 2.0, "s", 2)).endswith("ok")
    assert str(Figure("build", 2.1, "s", 2)).endswith("above the limit")
    assert "limit" not in str(Figure("  deploy", 70.0, "s"))


def test_all_are_printed_and_those_above_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    figures = [Figure("a", 1, "s", 2), Figure("b", 3, "s", 2), Figure("  c", 9, "s"), Figure(" d", 1, "s", 0)]
    assert show(iter(figures)) == "above the limit: b, d"
    assert capsys.readouterr().out.splitlines() == list(map(str, figures))
    assert show(figures[:1]) is None


@pytest.mark.parametrize(("value", "status"), [(1, 0), (2, 1)])
def test_a_program_ends_with_what_show_says(value: int, status: int) -> None:
    program = (
        "import sys; from bench.figure import *; sys.exit(show([Figure('a', float(sys.argv[1]), 's', 1)]))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(value)], capture_output=True, text=True)
    assert done.returncode == status
    assert ("above the limit: a" in done.stderr) == bool(status)
