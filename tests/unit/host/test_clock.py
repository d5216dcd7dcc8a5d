"""Who keeps the clock of a host right."""

from kolla.host import clock, precheck


def test_the_kernel_is_asked_and_nothing_is_changed() -> None:
    assert clock.is_kept() in (True, False)


def test_a_clock_that_nobody_keeps_is_a_warning() -> None:
    assert [precheck._clock(kept)["warning"] for kept in (True, False)] == [False, True]
    assert precheck._clock(False)["ok"]
