"""An upgrade that fails, and the way back from it."""

from __future__ import annotations

import json

import pytest
from cloud import Modelled, modelled
from world import World

from kolla.errors import InputError

OLDER, NEWER = "2025.2", "2026.1"


@pytest.fixture
def older(world: World, monkeypatch: pytest.MonkeyPatch) -> Modelled:
    """A cloud of the older release, deployed as revision 1, and images of the newer one."""
    made = modelled(world, monkeypatch)
    made.build(OLDER)
    made.deploy()
    made.build(NEWER)
    made.hosts.applied.clear()
    return made


def results(cloud: Modelled) -> list[tuple[str, str, int | None]]:
    return [(r.verb, r.result, r.restores) for r in cloud.cloud.revisions().revisions]


def versions(cloud: Modelled) -> set[str]:
    """The images that containers run."""
    return {c.spec["image"].split("-")[0] for c in cloud.world.states["one"].containers.values()}


def test_an_upgrade_that_fails_is_gone_back_from(older: Modelled) -> None:
    older.hosts.failing.add("container:keystone@one")
    done = older.cloud.upgrade(auto_rollback=True)
    assert done.exit_code == 1
    assert results(older) == [("deploy", "done", None), ("upgrade", "failed", None), ("rollback", "done", 1)]
    assert versions(older) == {f"sha256:{OLDER}"}
    assert done.back is not None and not done.back.failed
    text = done.text()
    assert "container:keystone@one failed: it does not start" in text
    assert "Gone back, to revision 1:" in text and "this is revision 3" in text
    assert "kolla upgrade --finish" not in text
    document = json.loads(json.dumps(done.to_json()))
    assert (document["rollback"]["revision"], document["rollback"]["failed"]) == (3, [])


def test_without_being_asked_it_stops_and_offers_the_way_back(older: Modelled) -> None:
    older.hosts.failing.add("container:keystone@one")
    done = older.cloud.upgrade()
    assert done.back is None
    assert results(older) == [("deploy", "done", None), ("upgrade", "failed", None)]
    assert "go on: kolla upgrade, or go back: kolla rollback" in done.text()
    assert done.to_json()["rollback"] is None


@pytest.mark.parametrize("id_", ["image:keystone@one", "job:keystone/upgrade-check-status@one"])
def test_an_upgrade_that_did_not_begin_leaves_nothing_to_go_back_from(older: Modelled, id_: str) -> None:
    older.hosts.failing.add(id_)
    done = older.cloud.upgrade(auto_rollback=True)
    assert done.back is None
    assert results(older) == [("deploy", "done", None), ("upgrade", "failed", None)]
    assert versions(older) == {f"sha256:{OLDER}"}
    assert "kolla rollback" not in done.text()


def test_a_way_back_that_fails_says_so_and_how_to_go_on_with_it(older: Modelled) -> None:
    older.hosts.failing.add("container:keystone@one")
    done = older.cloud.upgrade()
    older.hosts.failing.clear()
    older.hosts.failing.add("container:memcached@one")
    back = older.cloud.rollback()
    assert done.failed and back.failed
    assert "Mend the cause, then go back again: kolla rollback 1" in back.text()
    assert "deploy again" not in back.text()
    (note,) = older.cloud._situation
    assert note == "revision 3 (rollback) failed: kolla rollback 1 goes on"


def test_both_failures_are_told(older: Modelled) -> None:
    older.hosts.failing.add("container:keystone@one")
    older.hosts.afterwards.append(lambda: older.hosts.failing.add("container:memcached@one"))
    done = older.cloud.upgrade(auto_rollback=True)
    text = done.text()
    assert "container:keystone@one failed" in text and "container:memcached@one failed" in text
    assert "The way back failed, too, to revision 1" in text and "kolla rollback 1" in text
    assert results(older)[1:] == [("upgrade", "failed", None), ("rollback", "failed", 1)]


def lose_an_image(cloud: Modelled) -> None:
    """Somebody removes an image of before."""
    state = cloud.world.states["one"]
    images = tuple(image for image in state.images if image != f"sha256:{OLDER}-memcached")
    cloud.world.states["one"] = state.model_copy(update={"images": images})


def test_a_way_back_that_is_refused_is_told_with_the_failure(older: Modelled) -> None:
    older.hosts.failing.add("container:keystone@one")
    older.hosts.afterwards.append(lambda: lose_an_image(older))
    done = older.cloud.upgrade(auto_rollback=True)
    assert done.back is None
    assert "container:keystone@one failed" in done.text()
    assert "it was not gone back: revision 1 needs image kolla/memcached:1" in done.text()
    assert "revision 1 needs image" in done.to_json()["not_gone_back"]


def test_a_way_back_that_would_be_refused_now_is_refused_first(older: Modelled) -> None:
    lose_an_image(older)
    state = older.world.states["one"]
    containers = {n: c for n, c in state.containers.items() if n != "memcached"}
    older.world.states["one"] = state.model_copy(update={"containers": containers})
    with pytest.raises(InputError, match="revision 1 needs image kolla/memcached:1"):
        older.cloud.upgrade(auto_rollback=True)
    assert older.hosts.applied == []


def test_what_has_no_way_back_is_refused_before_anything_is_touched(older: Modelled) -> None:
    older.build("2025.1")
    for name, container in (containers := dict(older.world.states["one"].containers)).items():
        containers[name] = container.model_copy(update={"version": "2024.2"})
    older.world.states["one"] = older.world.states["one"].model_copy(update={"containers": containers})
    with pytest.raises(InputError, match=r"no way back from 2025\.1 to 2024\.2 .* keystone: nobody"):
        older.cloud.upgrade(auto_rollback=True)
    assert older.hosts.applied == []


def test_where_there_is_no_revision_to_go_back_to_it_is_refused(older: Modelled) -> None:
    older.cloud._revisions.discard(1)
    with pytest.raises(InputError, match="there is no revision to go back to"):
        older.cloud.upgrade(auto_rollback=True)
    assert older.hosts.applied == []


def test_an_end_that_was_begun_leaves_no_way_back(older: Modelled) -> None:
    assert older.cloud.upgrade().exit_code == 0
    assert older.cloud.plan_against(1).plan
    older.hosts.failing.add("release:upgrade@one")
    done = older.cloud.upgrade(finish=True)
    assert "kolla rollback" not in done.text() and "go on: kolla upgrade --finish" in done.text()
    with pytest.raises(InputError, match=r"revision 3 began to end the upgrade 2025\.2 -> 2026\.1"):
        older.cloud.rollback(1)
    older.hosts.failing.clear()
    assert older.cloud.upgrade(finish=True).exit_code == 0


def test_the_end_of_an_upgrade_has_no_way_back(older: Modelled) -> None:
    with pytest.raises(InputError, match="after --finish there is no way back"):
        older.cloud.upgrade(finish=True, auto_rollback=True)
