"""Which copy a verb goes on with, and when it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.errors import KollaError
from kolla.state.choice import Copy, chosen, read

NOTHING = Copy(None, -1, False)


def copy(at: int, *, of: str = "data", last: bool = False) -> Copy:
    return Copy(of, at, last)


def doubt(copies: Mapping[str, Copy | None]) -> str:
    with pytest.raises(KollaError) as caught:
        chosen(copies, "recover")
    assert caught.value.hint
    return caught.value.what


def test_the_furthest_is_chosen_and_who_has_nothing_is_not() -> None:
    assert chosen({"a": copy(7), "b": copy(9), "c": NOTHING}, "recover") == "b"


def test_of_equals_the_first_or_the_one_that_is_the_last() -> None:
    assert chosen({"a": copy(7), "b": copy(7)}, "recover") == "a"
    assert chosen({"a": copy(7), "b": copy(7, last=True)}, "recover") == "b"


def test_every_doubt_is_said_with_what_there_is() -> None:
    assert "b does not say what lies there (a: data at 7; b: unknown)" in doubt({"a": copy(7), "b": None})
    assert "copies of different things" in doubt({"a": copy(7), "b": copy(9, of="other")})
    both = {"a": copy(7, last=True), "b": copy(7, last=True)}
    assert "a and b both say that no other is further (a: data at 7, the last;" in doubt(both)
    assert "b says that no other is further, and a is" in doubt({"a": copy(9), "b": copy(7, last=True)})
    assert "nothing lies on any host (a: nothing)" in doubt({"a": NOTHING})


@given(
    st.dictionaries(
        st.sampled_from("abcde"),
        st.none() | st.builds(Copy, st.sampled_from([None, "x", "y"]), st.integers(-1, 9), st.booleans()),
        min_size=1,
    )
)
def test_nobody_that_is_further_is_ever_given_up(copies: dict[str, Copy | None]) -> None:
    try:
        best = copies[chosen(copies, "recover")]
    except KollaError:
        return
    assert best is not None and best.of is not None
    for other in copies.values():
        assert other is not None
        assert other.of is None or (other.of == best.of and other.at <= best.at)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"of": 1, "at": 2, "last": False},
        {"of": "x", "at": "2", "last": False},
        {"of": "x", "at": True, "last": False},
        {"of": "x", "at": 2},
    ],
)
def test_an_answer_that_is_none(said: dict[str, Any]) -> None:
    assert read(said) is None


def test_an_answer() -> None:
    assert read({"of": "x", "at": 2, "last": True, "message": "more"}) == Copy("x", 2, True)
