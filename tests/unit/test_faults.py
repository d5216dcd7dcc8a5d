"""Which fault a seed chooses, and how it is told what came of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.system.faults import KINDS, Fault, Outcome, choose, table

HOSTS = ["node1", "node2", "node3"]


@given(st.integers(0, 10_000))
def test_a_seed_always_means_the_same(seed: int) -> None:
    fault = choose(seed, list(KINDS), HOSTS)
    assert fault == choose(seed, list(KINDS), HOSTS)
    assert fault.seed == seed
    assert fault.host in HOSTS
    assert 0 <= fault.share < 1


@given(st.integers(0, 1000))
def test_every_series_of_seeds_has_each_kind(series: int) -> None:
    kinds = list(KINDS)
    seeds = range(series * len(kinds), (series + 1) * len(kinds))
    assert sorted(choose(seed, kinds, HOSTS).kind for seed in seeds) == sorted(kinds)


def test_the_table_is_that_of_the_docs() -> None:
    assert table([Outcome(Fault(7, "cut off", "node2", 0.4), 41.6, 1234)]) == (
        "| seed | fault | host | s until well | writes, none lost |\n"
        "|---|---|---|---|---|\n"
        "| 7 | cut off | node2 | 42 | 1234 |"
    )
