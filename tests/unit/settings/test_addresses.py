"""Which addresses lie within others."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.settings.addresses import bounds, overlaps, within


@pytest.mark.parametrize(
    ("inner", "outer", "expected"),
    [
        ("10.0.2.1", "10.0.2.0/24", True),
        ("10.0.2.1/24", "10.0.2.0/24", True),
        ("10.0.3.1/16", "10.0.2.0/24", False),
        ("10.0.2.0/25", "10.0.2.0/24", True),
        ("10.0.0.0/16", "10.0.2.0/24", False),
        ("10.0.2.150 - 10.0.2.199", "10.0.2.0/24", True),
        ("10.0.2.150-10.0.3.1", "10.0.2.0/24", False),
        ("10.0.2.199-10.0.2.150", "10.0.2.0/24", False),
        ("10.0.2.160", "10.0.2.150-10.0.2.199", True),
        ("2001:db8::1", "2001:db8::/64", True),
        ("2001:db8::1", "0.0.0.0/0", False),
        ("cloud.example.org", "0.0.0.0/0", False),
        ("", "0.0.0.0/0", False),
        (None, "0.0.0.0/0", False),
        ("10.0.2.1", "my-network", False),
    ],
)
def test_what_is_within(inner: Any, outer: Any, expected: bool) -> None:
    assert within(inner, outer) is expected


def test_what_overlaps() -> None:
    assert overlaps("10.0.0.0/16", "10.0.2.0/24") and overlaps("10.0.2.0/24", "10.0.0.0/16")
    assert overlaps("10.0.2.0-10.0.2.9", "10.0.2.9-10.0.2.20")
    assert not overlaps("10.0.2.0/24", "10.0.3.0/24")
    assert not overlaps("10.0.2.0/24", "::/0")


NETWORKS = st.tuples(st.ip_addresses(v=4), st.integers(0, 32)).map(
    lambda pair: ipaddress.ip_network(f"{pair[0]}/{pair[1]}", strict=False)
)


@given(NETWORKS, NETWORKS)
def test_networks_are_compared_as_the_library_does(
    one: ipaddress.IPv4Network, other: ipaddress.IPv4Network
) -> None:
    assert within(str(one), str(other)) is one.subnet_of(other)
    assert overlaps(str(one), str(other)) is one.overlaps(other)


@given(st.text(alphabet="0123456789.-:/ab ", max_size=30))
def test_any_text_has_bounds_or_none(text: str) -> None:
    found = bounds(text)
    assert found is None or found.first <= found.last
