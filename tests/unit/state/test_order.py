from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.errors import InputError
from kolla.state.order import ordered
from kolla.state.plan import Operation, VolumeOperation


def operation(number: int, after: tuple[str, ...] = ()) -> Operation:
    return VolumeOperation(
        id=f"volume:{number}@one", host="one", service="s", causes=("c",), after=after, volume="v", epoch="e"
    )


@given(st.lists(st.sets(st.integers(0, 30)), min_size=1, max_size=30), st.randoms())
def test_everything_comes_after_what_it_waits_for_whatever_the_input_order(
    edges: list[set[int]], shuffle: random.Random
) -> None:
    operations = [
        operation(number, tuple(f"volume:{other}@one" for other in others if other < number))
        for number, others in enumerate(edges)
    ]
    result = ordered(operations)
    position = {each.id: index for index, each in enumerate(result)}
    assert all(position[a] < position[each.id] for each in result for a in each.after)
    mixed = list(operations)
    shuffle.shuffle(mixed)
    assert ordered(mixed) == result
    assert ordered(result) == result


def test_what_is_not_in_the_plan_is_done() -> None:
    (only,) = ordered([operation(1, ("container:elsewhere@one",))])
    assert only.after == ()


def test_a_circle_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="these wait for each other: volume:1@one"):
        ordered([operation(1, ("volume:2@one",)), operation(2, ("volume:1@one",))])
