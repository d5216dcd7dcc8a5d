"""The bench of many hosts: what it makes of measurements, and that its hosts behave like hosts."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import scale
from bench.plot import Plot, picture, ticks
from bench.simulated import Simulated
from bench.spent import Spent, descendants, spent
from kolla.api import Cloud


def measured(what: str, hosts: int, seconds: float) -> scale.Measurement:
    return scale.Measurement(what, hosts, Spent(seconds, seconds, 100 + hosts), hosts)


def test_a_deploy_with_nothing_to_do_asks_each_host_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kolla.places.state_root", lambda: tmp_path / "kept")
    hosts = Simulated(tmp_path / "cloud", 4)
    hosts.write()
    for name, value in hosts.environment.items():
        monkeypatch.setenv(name, value)
    cloud = Cloud(hosts.configuration)
    hosts.empty()
    assert {operation.host for operation in cloud.plan().plan.operations} == set(hosts.names)
    hosts.deployed()
    hosts.forget_requests()
    done = Cloud(hosts.configuration).deploy()
    assert not done.plan
    assert sorted(hosts.requests) == [f"{name} observe" for name in hosts.names]
    hosts.change()
    changed = Cloud(hosts.configuration).plan().plan
    assert {operation.host for operation in changed.operations} == set(hosts.names)
    assert {operation.id for operation in changed.operations} >= {"container:nova-compute@host0004"}


def test_what_grows_with_the_square_is_above_its_limit() -> None:
    def verdicts(power: int) -> list[bool]:
        found = [measured(scale.IDLE, n, 1 + (n / 100) ** power) for n in (1, 500, 1000)]
        return [figure.above for figure in scale.figures(found)]

    assert not any(verdicts(1))
    assert any(verdicts(2))


def test_a_plan_that_takes_too_long_is_above_its_limit() -> None:
    found = [measured(scale.IDLE, 1000, 1), measured(scale.PLAN, 1000, 31)]
    above = [figure.what for figure in scale.figures(found) if figure.above]
    assert above == [f"{scale.PLAN}, 1000 hosts"]


def test_a_page_has_the_new_measurements_and_the_rest_of_its_text() -> None:
    page = f"before\n{scale.BEGIN}old\n{scale.END}after\n"
    table = scale.table([measured("plan", 10, 1.25)])
    new = scale.published(page, table)
    assert new == f"before\n{scale.BEGIN}{table}{scale.END}after\n"
    assert "| plan | 10 | 1.2 s | 1.2 s | 110 MiB | 1 |" in table
    assert scale.published(new, table) == new


def test_the_picture_has_each_curve_in_each_plot() -> None:
    drawn = ElementTree.fromstring(scale.curves([measured(w, n, n) for w in ("a<", "b") for n in (1, 10)]))
    names = [element.tag.partition("}")[2] for element in drawn]
    assert names.count("polyline") == 4
    assert names.count("circle") == 8
    texts = [element.text for element in drawn if element.tag.endswith("text")]
    assert {"a<", "b", "hosts", "memory, MiB"} <= set(texts)


def test_points_lie_inside_the_picture() -> None:
    drawn = ElementTree.fromstring(picture([Plot("t", "x", {"c": [(0, 0), (7, 3), (1000, 35.2)]})]))
    for circle in (element for element in drawn if element.tag.endswith("circle")):
        assert 0 < float(circle.attrib["cx"]) < float(drawn.attrib["width"])
        assert 0 < float(circle.attrib["cy"]) < float(drawn.attrib["height"])


@given(st.floats(0.001, 1e7))
def test_an_axis_has_a_few_round_numbers_that_reach_far_enough(most: float) -> None:
    found = ticks(most)
    assert found[0] == 0
    assert found[-1] >= most * (1 - 1e-6)
    assert 3 <= len(found) <= 11
    assert list(found) == sorted(set(found))


def test_what_a_program_and_its_children_take_is_counted() -> None:
    child = "data = bytearray(100 << 20); import time; t = time.time()\nwhile time.time() < t + 2: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    took = spent(sys.executable, "-c", parent)
    assert took.wall >= 2
    assert took.memory >= 100
    assert took.processor > 0
    assert list(descendants(1 << 30)) == []


def test_a_program_that_fails_is_told() -> None:
    with pytest.raises(SystemExit, match="no such luck"):
        spent(sys.executable, "-c", "import sys; sys.exit('no such luck')")
    assert spent(sys.executable, "-c", "raise SystemExit(2)", codes=(2,)).wall > 0
