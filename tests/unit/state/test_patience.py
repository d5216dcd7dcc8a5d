"""Verbs that find another deployer at work: nothing is done that was planned before it."""

from __future__ import annotations

import pytest
from cloud import Modelled, modelled
from world import World

from kolla.errors import InputError, LockedError


@pytest.fixture
def running(deployed: World, monkeypatch: pytest.MonkeyPatch) -> Modelled:
    """A cloud that runs."""
    made = modelled(deployed, monkeypatch)
    made.build(deployed.release)
    made.deploy()
    made.hosts.applied.clear()
    made.hosts.waited.clear()
    return made


def without(world: World, name: str) -> None:
    """Somebody removes a container."""
    state = world.states["one"]
    containers = {n: c for n, c in state.containers.items() if n != name}
    world.states["one"] = state.model_copy(update={"containers": containers})


def test_a_verb_that_replaces_data_is_planned_again_after_another_deployer(running: Modelled) -> None:
    running.hosts.others.append(lambda: without(running.world, "notes"))
    assert running.cloud.run_verb("restore").exit_code == 0
    (plan,) = running.hosts.applied
    ids = [operation.id for operation in plan.operations]
    assert "stop:keystone@one" in ids
    assert "stop:notes@one" not in ids
    assert running.hosts.waited == [0, 0]


def test_power_is_not_used_as_planned_before_another_deployer(running: Modelled) -> None:
    shown = running.cloud.plan_power("stop", ["notes", "memcached"])
    running.hosts.others.append(lambda: without(running.world, "notes"))
    with pytest.raises(InputError, match="the hosts have changed since this plan was shown"):
        running.cloud.power("stop", ["notes", "memcached"], shown.plan)
    assert running.hosts.applied == []
    running.hosts.others.append(lambda: None)
    assert running.cloud.stop(["memcached"]).exit_code == 0
    assert running.world.states["one"].containers["memcached"].ended
    assert set(running.hosts.waited) == {0}


@pytest.mark.parametrize("verb", ["check", "pull"])
def test_nobody_waits_with_a_plan_in_hand(running: Modelled, verb: str) -> None:
    running.hosts.others.append(lambda: None)
    getattr(running.cloud, verb)()
    assert running.hosts.waited == [0, 0]


def test_an_upgrade_waits_for_another_deployer_as_long_as_it_was_told(running: Modelled) -> None:
    running.build("2025.2")
    running.world.states = {
        host: state.model_copy(
            update={
                "containers": {
                    name: container.model_copy(update={"version": "2025.1"})
                    for name, container in state.containers.items()
                }
            }
        )
        for host, state in running.world.states.items()
    }
    running.hosts.others.append(lambda: None)
    with pytest.raises(LockedError):
        running.cloud.upgrade(lock_timeout=0)
    running.hosts.others.append(lambda: None)
    assert running.cloud.upgrade(lock_timeout=60).exit_code == 0
    assert set(running.hosts.waited) == {0}
