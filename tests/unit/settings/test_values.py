from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.catalogue.model import Setting
from kolla.secret import Secret
from kolla.settings.values import boolean, convert


def setting(type: str, **more: Any) -> Setting:
    return Setting.model_validate({"type": type, "description": "x", **more})


@pytest.mark.parametrize(
    ("type", "value", "converted"),
    [
        ("string", "x", "x"),
        ("string", 12, "12"),
        ("boolean", True, True),
        ("boolean", "yes", True),
        ("boolean", "No", False),
        ("boolean", "off", False),
        ("integer", "12", 12),
        ("integer", -3, -3),
        ("number", 4, 4),
        ("number", 1.5, 1.5),
        ("number", "1.5", 1.5),
        ("port", 65535, 65535),
        ("port", "80", 80),
        ("address", "192.0.2.1", "192.0.2.1"),
        ("address", "2001:DB8::1", "2001:db8::1"),
        ("address", "api.example.org", "api.example.org"),
        ("network", "192.0.2.0/24", "192.0.2.0/24"),
        ("path", "/etc/kolla", "/etc/kolla"),
        ("list", [1], [1]),
        ("mapping", {"a": 1}, {"a": 1}),
    ],
)
def test_right_values(type: str, value: Any, converted: Any):
    assert convert(setting(type), value) == converted


@pytest.mark.parametrize(
    ("type", "value", "expected"),
    [
        ("string", True, "text"),
        ("string", ["x"], "text"),
        ("boolean", "maybe", "true or false"),
        ("boolean", 1, "true or false"),
        ("integer", "1.5", "whole number"),
        ("integer", True, "whole number"),
        ("number", "1,5", "a number"),
        ("number", True, "a number"),
        ("number", float("nan"), "a number"),
        ("port", 0, "a port, from 1 to 65535"),
        ("port", 65536, "a port"),
        ("port", "http", "a port"),
        ("address", "192.0.2.256", "an IP address or a host name"),
        ("address", "a b", "an IP address or a host name"),
        ("address", "", "an IP address or a host name"),
        ("network", "192.0.2.1/24", "a network, such as 192.0.2.0/24"),
        ("network", "192.0.2.0/33", "a network"),
        ("network", 24, "a network"),
        ("path", "etc", "an absolute path"),
        ("list", "a,b", "a list"),
        ("mapping", [1], "a mapping"),
        ("mapping", {1: 2}, "a mapping"),
    ],
)
def test_wrong_values(type: str, value: Any, expected: str):
    with pytest.raises(ValueError, match=expected):
        convert(setting(type), value)


def test_a_string_is_what_is_written_not_what_yaml_makes_of_it():
    assert convert(setting("string"), 2026.1, "2026.10") == "2026.10"


def test_choices():
    assert convert(setting("string", choices=["a", "b"]), "b") == "b"
    with pytest.raises(ValueError, match="one of a, b"):
        convert(setting("string", choices=["a", "b"]), "c")
    with pytest.raises(ValueError, match=r"^one of a, b \(it was no good\)$"):
        convert(setting("string", choices=["a", "b"], gone={"c": "it was no good"}), "c")


def test_a_minimum():
    assert convert(setting("integer", minimum=1), "1") == 1
    with pytest.raises(ValueError, match="a whole number, 1 or more"):
        convert(setting("integer", minimum=1), 0)
    with pytest.raises(ValueError, match="a number, 1 or more"):
        convert(setting("number", minimum=1), 0.5)


def test_a_default_may_be_what_the_type_refuses():
    assert convert(setting("address", default=""), "") == ""


def test_secrets_are_strings_and_nothing_else():
    assert convert(setting("string"), Secret("x")) == Secret("x")
    for type in ("integer", "number", "port", "boolean", "address", "path", "list", "mapping"):
        with pytest.raises(ValueError, match=r"^an? |^true"):
            convert(setting(type), Secret("1"))


@given(st.integers(1, 65535))
def test_every_port(port: int):
    assert convert(setting("port"), str(port)) == port


@given(st.ip_addresses())
def test_every_address(address: Any):
    assert convert(setting("address"), str(address)) == str(address)


@given(st.text())
def test_booleans_are_words(text: str):
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    try:
        assert boolean(text) == words[text.strip().lower()]
    except ValueError:
        assert text.strip().lower() not in words
