"""Which addresses lie within others, and how they are written."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.settings.addresses import address_numbers, bounds, overlaps, url_host, within


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


@given(st.ip_addresses(v=6))
def test_an_ipv6_address_is_in_brackets_where_a_port_follows(address: ipaddress.IPv6Address) -> None:
    assert url_host(str(address)) == f"[{address}]"
    assert urlsplit(f"http://{url_host(address)}:80").port == 80


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_stays_as_it_is(address: ipaddress.IPv4Address) -> None:
    assert url_host(str(address)) == str(address)


@pytest.mark.parametrize("name", ["cloud.example.org", "one", "", "[fd00::1]", "fd00::/64"])
def test_what_is_no_address_stays_as_it_is(name: str) -> None:
    assert url_host(name) == name


@given(st.ip_addresses())
def test_an_address_is_its_numbers(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    numbers = address_numbers(str(address))
    size = 8 if len(numbers) == 4 else 16
    assert sum(number << size * at for at, number in enumerate(reversed(numbers))) == int(address)
    assert len(numbers) == (4 if address.version == 4 else 8)


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
