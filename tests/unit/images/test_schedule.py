import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.images.schedule import along, lengths


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, set[str]]:
    """Names, each of which needs only earlier ones."""
    names = [f"n{number}" for number in range(draw(st.integers(1, 12)))]
    return {
        name: set(draw(st.lists(st.sampled_from(names[:index] or [""]))) if index else [])
        for index, name in enumerate(names)
    }


def never() -> None:
    raise AssertionError("nothing is cancelled here")


@given(graphs(), st.integers(1, 4))
def test_everything_is_done_once_after_what_it_needs(graph: dict[str, set[str]], threads: int) -> None:
    done: list[str] = []

    def work(name: str) -> str:
        assert graph[name] <= set(done)
        return name

    along(graph, work, done.append, never, threads)
    assert sorted(done) == sorted(graph)


def test_what_raises_ends_what_runs_and_begins_nothing_more() -> None:
    begun: list[str] = []
    cancelled = threading.Event()

    def work(name: str) -> str:
        begun.append(name)
        if name == "long":
            assert cancelled.wait(30), "what runs is told to end"
        if name == "bad":
            raise KeyboardInterrupt
        return name

    graph: dict[str, set[str]] = {"long": set(), "bad": set(), "after": {"long"}}
    with pytest.raises(KeyboardInterrupt):
        along(graph, work, lambda name: None, cancelled.set, 2)
    assert sorted(begun) == ["bad", "long"]


def test_the_longest_way_begins_first() -> None:
    graph: dict[str, set[str]] = {
        "base": set(),
        "a leaf": {"base"},
        "builder": {"base"},
        "wheels": {"builder"},
        "z": {"base", "wheels"},
    }
    assert lengths(graph) == {"base": 3, "a leaf": 0, "builder": 2, "wheels": 1, "z": 0}
    order: list[str] = []
    along(graph, lambda name: name, order.append, never, 1)
    assert order == ["base", "builder", "wheels", "a leaf", "z"]
