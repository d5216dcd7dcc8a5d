from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.errors import KollaError
from kolla.images.retry import retried


@dataclass
class Flaky:
    """Fails some times, then works."""

    failures: int
    calls: int = 0
    pauses: list[float] = field(default_factory=list)
    told: list[int] = field(default_factory=list)

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise KollaError(f"failure {self.calls}")
        return "done"

    def run(self, retries: int, *, worthwhile: bool = True) -> str:
        return retried(
            self,
            retries,
            worthwhile=lambda error: worthwhile,
            on_retry=lambda attempt, error: self.told.append(attempt),
            pause=self.pauses.append,
        )


@given(failures=st.integers(0, 6), retries=st.integers(0, 6))
def test_it_is_tried_as_often_as_allowed_and_no_oftener(failures: int, retries: int) -> None:
    flaky = Flaky(failures)
    if failures <= retries:
        assert flaky.run(retries) == "done"
    else:
        with pytest.raises(KollaError, match=f"failure {retries + 1}"):
            flaky.run(retries)
    assert flaky.calls == min(failures, retries) + 1
    assert flaky.pauses == [2.0**n for n in range(min(failures, retries))]
    assert flaky.told == [n + 2 for n in range(min(failures, retries))]


def test_what_will_not_go_better_is_not_tried_again() -> None:
    flaky = Flaky(1)
    with pytest.raises(KollaError, match="failure 1"):
        flaky.run(5, worthwhile=False)
    assert (flaky.calls, flaky.pauses) == (1, [])
