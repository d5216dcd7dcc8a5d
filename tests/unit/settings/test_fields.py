"""Lists of mappings whose fields the catalogue names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.catalogue.model import Field
from kolla.errors import InputError, Location
from kolla.settings import fields

FIELDS = {
    "name": Field(type="name"),
    "group": Field(type="group", default="control"),
    "port": Field(type="port", default=1),
    "text": Field(default=""),
}


def where(steps: Any) -> Location:
    return Location(Path("/".join(map(str, steps))))


def items(*value: Any) -> list[dict[str, Any]]:
    return fields.items("shelves", FIELDS, value, where)


def test_what_an_item_does_not_say_it_has_by_default() -> None:
    assert items({"name": "a"}, {"port": "2", "name": "b"}) == [
        {"name": "a", "group": "control", "port": 1, "text": ""},
        {"name": "b", "group": "control", "port": 2, "text": ""},
    ]


@pytest.mark.parametrize(
    ("value", "place", "said"),
    [
        (["a"], "0", "item 1 of 'shelves' is no mapping"),
        ([{}], "0", "item 1 of 'shelves' has no 'name'"),
        ([{"name": None}], "0", "item 1 of 'shelves' has no 'name'"),
        ([{"name": "a", "prot": 1}], "0/prot", "did you mean 'port'?"),
        ([{"name": "a", 1: 1}], "0/1", "expected: one of name, group, port, text"),
        ([{"name": "a"}, {"name": "b", "port": 70000}], "1/port", "a port, from 1 to 65535"),
        ([{"name": "a_b"}], "0/name", "lower-case letters, digits and -"),
        ([{"name": 1}], "0/name", "lower-case letters, digits and -"),
        ([{"name": "a", "text": ["b"]}], "0/text", "expected: text"),
        ([{"name": "a"}, {"name": "a"}], "1/name", "two of 'shelves' have the name 'a'"),
    ],
)
def test_what_is_wrong_with_an_item_is_told_with_its_place(value: list[Any], place: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        items(*value)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{place}: ")


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*FIELDS, "x"]) | st.integers(), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(value=st.lists(JUNK, max_size=4))
def test_whatever_is_written_is_either_whole_or_refused(value: list[Any]) -> None:
    try:
        found = items(*value)
    except InputError:
        return
    assert all(list(item) == list(FIELDS) for item in found)
    assert len({item["name"] for item in found}) == len(found)
    assert [steps for steps, _ in fields.groups(FIELDS, found)] == [[i, "group"] for i in range(len(found))]
