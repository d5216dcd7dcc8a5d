"""The order of operations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.host.dag import Schedule
from kolla.host.errors import Refusal

graphs = st.integers(0, 12).flatmap(
    lambda size: st.tuples(
        *(st.sets(st.integers(0, max(0, i - 1)).map(str) if i else st.just("elsewhere")) for i in range(size))
    ).map(lambda edges: {str(i): after for i, after in enumerate(edges)})
)


@given(graphs, st.sets(st.integers(0, 12).map(str)), st.randoms())
def test_everything_is_done_after_what_it_waits_for_or_blocked(after, failing, random):
    schedule, done, blocked, running = Schedule(after), set(), set(), []
    started = []
    while schedule:
        for id in schedule.ready():
            assert after[id] & set(after) <= done
            running.append(id)
            started.append(id)
        if running:
            id = running.pop(random.randrange(len(running)))
            if id in failing:
                blocked |= set(schedule.failed(id))
            else:
                schedule.done(id)
                done.add(id)
    failed = failing & set(started)
    assert len(started) == len(set(started))
    assert done | failed | blocked == set(after)
    assert not (done | failed) & blocked
    for id in blocked:
        assert after[id] & (failed | blocked)


def test_a_circle_is_named():
    with pytest.raises(Refusal, match=r"(a -> b -> a|b -> a -> b)"):
        Schedule({"a": ["b"], "b": ["a"]})


def test_blocked_are_told_once():
    schedule = Schedule({"a": [], "b": [], "c": ["a", "b"]})
    assert schedule.ready() == ["a", "b"]
    assert schedule.failed("a") == ["c"]
    assert schedule.failed("b") == []
    assert schedule.ready() == []
    assert not schedule


@given(graphs, st.sets(st.integers(0, 12).map(str), min_size=1), st.randoms())
def test_after_a_failure_nothing_more_is_given_out_where_that_was_asked_for(after, failing, random):
    schedule, running, started, done, blocked, failed = Schedule(after, True), [], [], set(), set(), set()
    while schedule:
        given_now = schedule.ready()
        assert not (given_now and failed)
        running += given_now
        started += given_now
        if running:
            id = running.pop(random.randrange(len(running)))
            if id in failing:
                failed.add(id)
                blocked |= set(schedule.failed(id))
            else:
                schedule.done(id)
                done.add(id)
    assert done | failed | blocked == set(after)
    assert not blocked & set(started)


def test_what_is_independent_of_a_failure_is_blocked_where_nothing_more_shall_begin():
    schedule = Schedule({"a": [], "b": ["a"], "c": [], "d": ["c"], "e": ["b", "d"]}, True)
    assert schedule.ready() == ["a", "c"]
    assert schedule.failed("a") == ["b", "d", "e"]
    schedule.done("c")
    assert schedule.ready() == []
    assert not schedule


@given(
    graphs,
    st.dictionaries(st.integers(0, 12).map(str), st.sampled_from(["harmless", "nothing"])),
    st.sets(st.integers(0, 12).map(str)),
    st.randoms(),
)
def test_nothing_runs_beside_what_does_not_bear_it_and_everything_has_its_turn(
    after, beside, failing, random
):
    schedule, running, ended, blocked = Schedule(after, beside=beside), [], set(), set()
    while schedule:
        running += schedule.ready()
        kinds = [beside.get(id) for id in running]
        assert kinds.count("harmless") < 2
        assert len(running) == 1 or "nothing" not in kinds
        if running:
            id = running.pop(random.randrange(len(running)))
            ended.add(id)
            blocked |= set(schedule.failed(id)) if id in failing else set()
            if id not in failing:
                schedule.done(id)
    assert ended | blocked == set(after)
    assert not ended & blocked


def test_what_bears_nothing_beside_it_does_not_wait_for_ever():
    after = {"long": [], "swap": [], **{str(number): [] for number in range(3)}}
    schedule = Schedule({**after, "late": ["long"]}, beside={"swap": "nothing"})
    assert schedule.ready() == ["swap"]
    schedule.done("swap")
    assert schedule.ready() == ["0", "1", "2", "long"]


def test_what_interrupts_waits_for_another_interruption_and_for_nothing_else():
    schedule = Schedule({id: [] for id in "abcd"}, beside={"a": "harmless", "b": "harmless"})
    assert schedule.ready() == ["a", "c", "d"]
    schedule.done("c")
    assert schedule.ready() == []
    assert schedule.failed("a") == []
    assert schedule.ready() == ["b"]


def test_what_waits_for_its_turn_is_not_begun_after_a_failure_where_that_was_asked_for():
    schedule = Schedule({id: [] for id in "ab"}, True, {"a": "harmless", "b": "harmless"})
    assert schedule.ready() == ["a"]
    assert schedule.failed("a") == ["b"]
    assert schedule.ready() == []
    assert not schedule
