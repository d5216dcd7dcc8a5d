from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.errors import InputError
from kolla.state.revision import (
    Deployer,
    Revision,
    Source,
    changed_settings,
    current,
    kept,
    named,
    previous,
    restorable,
    situation,
)

WHO = Deployer(user="root", host="deploy", boot_id="b", pid=1, command="deploy")


def revision(number: int, state: str, result: Any = "done", restores: int | None = None) -> Revision:
    return Revision(
        number=number,
        verb="rollback" if restores else "deploy",
        who=WHO,
        started=datetime(2026, 11, 20, tzinfo=UTC),
        result=result,
        cloud_name="kolla",
        cloud_id="an-id",
        source=Source(release="2026.1", base="debian-13", settings={}),
        state=state,
        restores=restores,
    )


def target(*revisions: Revision) -> int:
    return previous(revisions).number


def test_back_from_a_success_is_the_success_before() -> None:
    assert target(revision(1, "a"), revision(2, "b"), revision(3, "x", "failed"), revision(4, "c")) == 2


def test_back_from_a_failure_is_the_last_success_whatever_its_state() -> None:
    assert target(revision(1, "a"), revision(2, "b"), revision(3, "c", "failed")) == 2
    assert target(revision(1, "a"), revision(2, "b"), revision(3, "b", "interrupted")) == 2
    assert target(revision(1, "a"), revision(2, "b"), revision(3, "b", "in progress")) == 2


def test_what_only_repaired_drift_is_no_place_to_go_back_to() -> None:
    assert target(revision(1, "a"), revision(2, "b"), revision(3, "b"), revision(4, "b")) == 1


def test_back_twice_goes_further_back_and_never_forward() -> None:
    history = [revision(1, "a"), revision(2, "b"), revision(3, "c")]
    history.append(revision(4, "b", restores=target(*history)))
    assert history[-1].restores == 2
    history.append(revision(5, "a", restores=target(*history)))
    assert history[-1].restores == 1
    with pytest.raises(InputError, match="there is no revision before 1 to go back to"):
        previous(history)


def test_back_to_a_rollback_names_what_it_restored() -> None:
    history = [revision(1, "a"), revision(2, "b"), revision(3, "a", restores=1), revision(4, "d")]
    assert target(*history) == 1
    assert target(*history[1:]) == 3  # the first one is forgotten


@pytest.mark.parametrize("result", ["interrupted", "failed", "in progress"])
def test_a_way_back_that_did_not_come_to_its_end_is_gone_on_with(result: str) -> None:
    history = [revision(1, "a"), revision(2, "b"), revision(3, "a", result, restores=1)]
    assert target(*history) == 1
    assert target(*history[1:]) == 2  # the one it was for is forgotten


def test_nothing_to_go_back_to() -> None:
    for history in ([], [revision(1, "a", "failed")]):
        with pytest.raises(InputError, match="there is no revision to go back to"):
            previous(history)


def test_a_number_that_is_not_there_and_one_that_never_was_true() -> None:
    history = [revision(3, "a"), revision(4, "b", "failed"), revision(5, "c", "interrupted")]
    with pytest.raises(InputError, match="there is no revision 9\n  hint: the nearest is 5;"):
        named(9, history)
    with pytest.raises(InputError, match=r"revision 5 is interrupted: .*\n  hint: .* that was done is 3"):
        restorable(5, history)
    assert restorable(3, history).number == 3


def test_what_runs_is_the_newest_success() -> None:
    history = [revision(1, "a"), revision(2, "b"), revision(3, "a", restores=1), revision(4, "c", "failed")]
    standing = current(history)
    assert standing is not None
    assert (standing.number, standing.origin) == (3, 1)


def test_what_leads_on_after_the_way_back_from_an_upgrade() -> None:
    newer = Source(release="2026.2", base="debian-13", settings={})
    history = [revision(1, "a"), revision(2, "b").model_copy(update={"verb": "upgrade", "source": newer})]
    history.append(revision(3, "a", restores=1))
    (said,) = situation(history)
    assert said.endswith("kolla upgrade leads to what the settings say")


def test_what_an_operator_must_know() -> None:
    history = [revision(1, "a"), revision(2, "b")]
    assert situation([]) == situation(history) == ()
    back = (
        "the cloud runs revision 1, which it was rolled back to; kolla deploy leads to what the settings say"
    )
    history.append(revision(3, "a", restores=1))
    assert situation(history) == (back,)
    broken = revision(4, "c", "interrupted")
    goes_on = "revision 4 (deploy) was interrupted: kolla deploy goes on, kolla rollback goes back to 1"
    assert situation([*history, broken]) == (back, goes_on)
    assert situation([revision(1, "a", "failed")]) == ("revision 1 (deploy) failed: kolla deploy goes on",)
    again = revision(4, "a", "failed", restores=1)
    assert situation([revision(1, "a"), revision(2, "b"), again]) == (
        "revision 4 (rollback) failed: kolla rollback 1 goes on",
    )
    upgrade = revision(2, "b", "failed").model_copy(update={"verb": "upgrade"})
    assert situation([revision(1, "a"), upgrade]) == (
        "revision 2 (upgrade) failed: kolla upgrade goes on, kolla rollback goes back to 1",
    )
    finish = upgrade.model_copy(update={"verb": "finish"})
    assert situation([revision(1, "a"), finish]) == (
        "revision 2 (finish) failed: kolla upgrade --finish goes on",
    )
    partly = history[-1].model_copy(update={"tags": ("glance",)})
    assert situation([partly])[0].startswith("the cloud partly runs revision 1,")


def test_settings_that_changed() -> None:
    old = {"/etc/kolla/globals.yml": "1", "/etc/kolla/config/nova.conf": "2"}
    new = {"/etc/kolla/globals.yml": "3", "/etc/kolla/config/glance.conf": "4"}
    assert changed_settings(old, new) == [
        "/etc/kolla/config/glance.conf came",
        "/etc/kolla/config/nova.conf went",
        "/etc/kolla/globals.yml changed",
    ]


RESULTS = st.lists(st.sampled_from(["done", "failed", "interrupted"]), max_size=30)


@given(RESULTS, st.integers(1, 12))
def test_pruning_keeps_the_newest_successes_and_all_that_came_after(results: list[str], keep: int) -> None:
    history = [revision(number, "a", result) for number, result in enumerate(results, 1)]
    wanted = {each.number for each in kept(history, keep)}
    successes = [each.number for each in history if each.result == "done"]
    assert wanted >= set(successes[-keep:])
    assert len(wanted & set(successes)) == min(keep, len(successes))
    assert wanted == set(range(min(wanted, default=1), len(history) + 1))  # no gap, up to the newest
    assert kept(kept(history, keep), keep) == kept(history, keep)  # nothing more to do


@given(RESULTS, st.integers(1, 12))
def test_what_one_goes_back_to_by_default_is_never_pruned_when_two_are_kept(
    results: list[str], keep: int
) -> None:
    history = [revision(number, str(number), result) for number, result in enumerate(results, 1)]
    try:
        before = previous(history)
    except InputError:
        return
    assert before in kept(history, keep + 1)
