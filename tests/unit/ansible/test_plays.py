from __future__ import annotations

import json

import pytest
from hypothesis import given
from unit.ansible.plans import any_plan, job, plan, volume

from kolla.ansible import plays
from kolla.errors import InputError
from kolla.state.plan import Plan


@given(any_plan())
def test_every_edge_is_respected(plan: Plan) -> None:
    steps = plays.steps(plan)
    step_of = {o.id: n for n, step in enumerate(steps) for ops in step.values() for o in ops}
    host_of = {o.id: o.host for o in plan.operations}
    assert sorted(step_of) == sorted(host_of)
    for operation in plan.operations:
        for dependency in operation.after:
            if dependency not in host_of:
                continue
            if host_of[dependency] == operation.host:
                assert step_of[dependency] <= step_of[operation.id]
            else:
                assert step_of[dependency] < step_of[operation.id]


@given(any_plan())
def test_no_step_is_empty_and_hosts_keep_the_order_of_the_plan(plan: Plan) -> None:
    order = [operation.id for operation in plan.operations]
    for step in plays.steps(plan):
        assert step
        for host, operations in step.items():
            positions = [order.index(operation.id) for operation in operations]
            assert positions == sorted(positions)
            assert {operation.host for operation in operations} == {host}


def test_a_plan_for_one_host_is_one_step() -> None:
    a, b, c = volume("a", "h"), volume("b", "h", ["volume:a@h"]), volume("c", "h", ["volume:b@h"])
    assert plays.steps(plan(a, b, c)) == ({"h": (a, b, c)},)


def test_another_host_waits_for_the_next_step_and_its_own_followers_join_it() -> None:
    a = volume("a", "one")
    b = volume("b", "two", [a.id])
    c = volume("c", "two", [b.id])
    d = volume("d", "one")
    assert plays.steps(plan(a, b, c, d)) == ({"one": (a, d)}, {"two": (b, c)})


def test_what_is_not_in_the_plan_is_done() -> None:
    b = volume("b", "two", ["volume:a@one"])
    assert plays.steps(plan(b)) == ({"two": (b,)},)


def test_a_plan_out_of_order_is_refused() -> None:
    a, b = volume("a", "h", ["volume:b@h"]), volume("b", "h")
    with pytest.raises(InputError, match="comes before 'volume:b@h'"):
        plays.steps(plan(a, b))


def test_contents_are_those_of_the_written_folders() -> None:
    operations = (volume("v", "h"), job("j", "h", {"x": "1", "y": "2"}), job("k", "h", {"z": "2"}))
    assert plays.contents(operations) == {"1", "2"}


def test_playbook_has_one_task_per_step_and_goes_on_after_failures() -> None:
    document = json.loads(plays.playbook([{"b", "a"}, {"b"}]))
    assert [play["hosts"] for play in document] == [["a", "b"], ["b"]]
    assert [play["tasks"] for play in document] == [
        [{"name": "ask the host", "kolla_host": {"step": number}}] for number in (0, 1)
    ]
    for play in document:
        assert play["gather_facts"] is False
        assert play["ignore_errors"] and play["ignore_unreachable"]
