"""What is made of pings that were answered and not."""

from __future__ import annotations

import struct
import time

from hypothesis import given
from hypothesis import strategies as st

from bench.pings import INTERVAL, Pings, request, runs


def test_the_longest_gap_is_the_longest_series_without_an_answer() -> None:
    pings = Pings("192.0.2.1")
    pings.answered = [True, False, True, False, False, False, True, False]
    assert list(runs(pings.answered)) == [(1, 1), (3, 3), (7, 1)]
    assert pings.longest_gap == 3 * INTERVAL
    assert pings.lost == 5
    pings.begun = time.mktime((2026, 11, 30, 16, 0, 59, 0, 0, -1)) + 0.75
    gaps = "16:00:59 0.1 s, 16:01:00 0.3 s, 16:01:00 0.1 s"
    assert str(pings) == f"5 of 8 lost, longest gap 0.3 s ({gaps})"


def test_without_a_loss_there_is_no_gap() -> None:
    pings = Pings("192.0.2.1")
    pings.answered = [True, True]
    assert (pings.lost, pings.longest_gap) == (0, 0)


@given(st.integers(0, 0xFFFF), st.integers(0, 1 << 20))
def test_the_checksum_of_a_request_is_right(identity: int, number: int) -> None:
    words = struct.unpack("!4H", request(identity, number))
    total = sum(words)
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF  # RFC 1071: it sums up to minus zero
    assert words[2:] == (identity, number & 0xFFFF)
