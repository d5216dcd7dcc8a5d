"""What VRRP says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kolla.host import vrrp

V2 = bytes.fromhex("2133640100010000")
V3 = bytes.fromhex("31ff640100640000")


def test_advertisements_of_both_versions_are_about_a_router() -> None:
    assert (vrrp.parse(V2), vrrp.parse(V3)) == (51, 255)


def test_anything_else_is_about_none() -> None:
    for message in (b"", V2[:7], b"\x22" + V2[1:], b"\x41" + V2[1:]):
        assert vrrp.parse(message) is None


@given(st.binary(max_size=40))
def test_whatever_somebody_sends_is_read(packet: bytes) -> None:
    assert vrrp.parse(vrrp._without_header(packet)) in (None, *range(256))
