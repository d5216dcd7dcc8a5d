"""The Python API is whole: typed, exported; a real cloud runs its example in tests/integration/cloud."""

import inspect
import re
import typing
from pathlib import Path

import pytest

from kolla import api

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
METHODS = {
    name: method
    for name, method in inspect.getmembers(api.Cloud, inspect.isfunction)
    if not name.startswith("_")
}


def classes(annotation: object) -> set[type]:
    """Every class of ours in an annotation."""
    inside = [found for argument in typing.get_args(annotation) for found in classes(argument)]
    own = isinstance(annotation, type) and annotation.__module__.startswith("kolla.")
    return {*inside, *([typing.cast(type, annotation)] if own else [])}


@pytest.mark.parametrize("name", METHODS)
def test_what_a_method_takes_and_gives_is_exported(name):
    hints = typing.get_type_hints(METHODS[name])
    assert "return" in hints
    assert set(inspect.signature(METHODS[name]).parameters) - {"self"} <= set(hints)
    for annotation in hints.values():
        for found in classes(annotation):
            assert found.__name__ in api.__all__, found


def test_what_is_exported_is_there():
    assert all(hasattr(api, name) for name in api.__all__)


def test_the_page_names_methods_that_are_there():
    text = PAGE.read_text()
    for name in re.findall(r"cloud\.(\w+)\(", text):
        assert name in METHODS, name
    words = text[text.index("**Nothing asks.**") : text.index("**Plans**")]
    for name in re.findall(r"`(\w+)`", words):
        assert name in METHODS, name
