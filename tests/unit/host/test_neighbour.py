"""Who else is in the networks of this host."""

import pytest

from kolla.host import neighbour

TABLE = """\
IP address       HW type     Flags       HW address            Mask     Device
10.0.0.1         0x1         0x2         02:42:0a:d5:00:01     *        eth0
10.0.0.25        0x1         0x0         00:00:00:00:00:00     *        eth0
10.0.0.26        0x1         0x6         02:42:0a:d5:00:26     *        eth0
"""


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("10.0.0.1", "02:42:0a:d5:00:01"),
        ("10.0.0.26", "02:42:0a:d5:00:26"),
        ("10.0.0.25", None),
        ("10.0.0.2", None),
    ],
)
def test_whoever_answered_is_in_the_table(address, found):
    assert neighbour.parse(TABLE, address) == found


def test_an_address_that_nobody_has_is_nobodys():
    # Reserved for documentation, so nobody of this machine's networks has them (RFC 5737, 3849).
    assert neighbour.answers("192.0.2.250") is None
    assert neighbour.answers("2001:db8::1") is None
