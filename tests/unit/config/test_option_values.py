"""Types survive the way through a schema: what oslo.config takes is taken, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oslo_config import types

from kolla.config.option_values import expected, problem
from kolla.images.inside.oslo_options import type_of

NUMBERS = st.integers(-9, 9) | st.integers(-70_000, 70_000)
LIMITS = st.none() | NUMBERS


@st.composite
def limited(draw: st.DrawFn, kind: Any) -> Any:
    least, most = sorted((draw(NUMBERS), draw(NUMBERS)))
    return kind(min=draw(st.sampled_from([None, least])), max=draw(st.sampled_from([None, most])))


SIMPLE = st.one_of(
    limited(types.Integer),
    limited(types.Float),
    limited(types.Range),
    st.builds(types.Integer, choices=st.lists(NUMBERS, min_size=1, max_size=4)),
    st.builds(
        types.String, choices=st.lists(st.text("aAbB1", max_size=3), max_size=4), ignore_case=st.booleans()
    ),
    st.builds(types.String, max_length=st.integers(0, 9), quotes=st.booleans()),
    st.builds(types.String, regex=st.sampled_from(["^a+$", "b", "^[a-z]{2}"]), ignore_case=st.booleans()),
    st.builds(types.URI, schemes=st.none() | st.just(["http", "https"]), max_length=st.none() | st.just(20)),
    st.builds(types.IPAddress, version=st.sampled_from([None, 4, 6])),
    st.builds(types.HostAddress, version=st.sampled_from([None, 4, 6])),
    st.sampled_from(
        [types.Boolean(), types.Port(), types.Hostname(), types.HostDomain(), types.MultiString()]
    ),
)
TYPES = st.one_of(
    SIMPLE,
    st.builds(types.List, item_type=SIMPLE, bounds=st.booleans()),
    st.builds(types.Dict, value_type=SIMPLE, bounds=st.booleans()),
)
WRITTEN = st.one_of(
    st.text("aAbB1-.:,[]{}'\" ", max_size=12),
    NUMBERS.map(str),
    st.sampled_from(
        [
            *(
                "true",
                "off",
                "YES",
                "10.0.0.1",
                "::1",
                "10.0.0.256",
                "http://h/",
                "https://example.org/a/long",
            ),
            *("host_1", "a:1,b:2", "1-9", "[1,2]", "1.5"),
        ]
    ),
)


@given(TYPES, WRITTEN)
def test_what_oslo_takes_is_taken_and_nothing_else(kind: Any, text: str) -> None:
    described = json.loads(json.dumps(type_of(kind)))
    bare = text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
    try:
        kind(bare)
    except (ValueError, TypeError):
        assert problem(described, text)
    else:
        assert problem(described, text) is None
    assert expected(described)


def test_a_value_that_refers_to_another_option_is_taken() -> None:
    port = type_of(types.Port())
    assert problem(port, "$other_port") is None
    assert problem(port, "$$") is not None


def test_types_of_others_are_those_they_derive_from() -> None:
    class Even(types.Integer):
        pass

    assert problem(type_of(Even(min=2)), "1")
    assert problem(type_of(lambda value: int(value)), "x") is None
    assert problem(type_of(int), "x")
    assert problem({"is": "OfTheFuture"}, "x") is None


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (types.Port(), "a port from 0 to 65535"),
        (types.Integer(min=1), "a whole number, 1 or more"),
        (types.Integer(max=9), "a whole number, 9 or less"),
        (types.List(types.Boolean()), "a list with commas between the items, each true or false"),
        (types.String(choices=["kvm", ""]), "one of kvm, (nothing)"),
        (types.String(max_length=3), "text of at most 3 characters"),
    ],
)
def test_what_is_expected_in_words(kind: Any, words: str) -> None:
    assert expected(type_of(kind)) == words
