from __future__ import annotations

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_revision import revision
from world import World

from kolla.state import explain
from kolla.state.plan import Plan
from kolla.state.prune import with_discards
from kolla.state.reconcile import reconcile
from kolla.state.revision import images_kept

OLD = "sha256:0123456789abcdef"


def pruned(world: World, needed: Collection[str] = (), **options: frozenset[str]) -> Plan:
    desired = world.desired
    return with_discards(reconcile(desired, world.states, **options), desired, world.states, lambda: needed)


def brought(world: World, *images: str) -> None:
    world.states = {
        host: state.model_copy(update={"brought": images}) for host, state in world.states.items()
    }


@pytest.fixture
def changed(deployed: World) -> World:
    """A cloud with a change to be made, and an image on its host that is in no use."""
    brought(deployed, OLD, "sha256:keystone")
    deployed.override("keystone.conf", "[token]\nexpiration = 60\n")
    return deployed


def test_an_image_that_nobody_needs_goes_with_the_next_change_and_last(changed: World) -> None:
    last = pruned(changed).operations[-1]
    assert explain.title(last) == "remove image 0123456789ab"
    assert last.causes == ("no revision that is kept needs it",)
    assert set(last.after) == {"container:keystone@one"}


def test_one_that_a_revision_needs_stays(changed: World) -> None:
    assert [o.kind for o in pruned(changed, needed={OLD}).operations] == ["container"]


def test_one_that_a_container_runs_stays_though_it_is_replaced_now(changed: World) -> None:
    changed.image_ids["keystone"] = "sha256:keystone-new"
    assert "discard:keystone@one" not in [o.id for o in pruned(changed).operations]


def test_nothing_to_do_stays_nothing_to_do(deployed: World) -> None:
    brought(deployed, OLD)
    assert not pruned(deployed)


def test_a_change_of_some_services_removes_no_image(changed: World) -> None:
    plan = pruned(changed, services=frozenset({"keystone"}))
    assert [o.kind for o in plan.operations] == ["container"]


def test_who_needs_what_is_asked_only_when_it_matters(deployed: World) -> None:
    deployed.override("keystone.conf", "[token]\nexpiration = 60\n")

    def asked() -> Collection[str]:
        raise AssertionError("revisions are read for nothing")

    desired = deployed.desired
    assert with_discards(reconcile(desired, deployed.states), desired, deployed.states, asked)


def test_a_faithful_executor_leaves_nothing_to_remove(changed: World) -> None:
    changed.carry_out(pruned(changed))
    brought(changed, "sha256:keystone")
    assert not pruned(changed)


NUMBERS = st.lists(st.sampled_from(["done", "failed"]), min_size=1, max_size=15)


@given(NUMBERS, st.integers(1, 6))
def test_the_images_of_what_one_can_go_back_to_after_the_change_stay(results: list[str], keep: int) -> None:
    history = [
        revision(n, str(n), result).model_copy(update={"images": (f"image{n}",)})
        for n, result in enumerate(results, 1)
    ]
    after = [r.number for r in history if r.result == "done"][-(keep - 1) :] if keep > 1 else []
    needed = images_kept(history, keep)
    assert needed >= {f"image{number}" for number in after}
    assert len(needed & {f"image{r.number}" for r in history if r.result == "done"}) == len(after)
