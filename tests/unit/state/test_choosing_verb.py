"""A verb that chooses a host has two plans, and is one to the operator's hooks."""

from __future__ import annotations

import pytest
from cloud import Modelled, modelled
from world import World

from kolla.errors import KollaError

VERB = "mariadb-recovery"
CHOICE = f"job:mariadb/choice-{VERB}@one"


@pytest.fixture
def running(deployed: World, monkeypatch: pytest.MonkeyPatch) -> Modelled:
    """A cloud that runs, whose host says what lies there."""
    made = modelled(deployed, monkeypatch)
    made.build(deployed.release)
    made.deploy()
    made.hosts.applied.clear()
    made.hosts.says[CHOICE] = '{"of": "a cluster", "at": 42, "last": true}'
    return made


def hooks(world: World, **scripts: str) -> None:
    """Have programs around the verb, by their moment."""
    directory = world.directory / "hooks"
    directory.mkdir()
    for moment, script in scripts.items():
        path = directory / f"{moment}-{VERB}"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


def said(world: World) -> list[str]:
    return (world.directory / "said").read_text().split()


def test_what_comes_before_it_comes_before_anything_is_stopped(running: Modelled) -> None:
    hooks(running.world, pre="exit 1")
    with pytest.raises(KollaError, match="nothing was touched"):
        running.cloud.run_verb(VERB)
    assert running.hosts.applied == []


def test_its_hooks_run_once_around_both_plans(running: Modelled) -> None:
    say = {moment: f"echo {moment} >> {running.world.directory}/said" for moment in ("pre", "post", "failed")}
    hooks(running.world, **say)
    assert running.cloud.run_verb(VERB).exit_code == 0
    asking, after = running.hosts.applied
    assert CHOICE in {operation.id for operation in asking.operations}
    assert "container:mariadb@one" in {operation.id for operation in after.operations}
    assert said(running.world) == ["pre", "post"]


def test_what_fails_while_it_is_choosing_is_a_failure(running: Modelled) -> None:
    say = {moment: f"echo {moment} >> {running.world.directory}/said" for moment in ("pre", "post", "failed")}
    hooks(running.world, **say)
    running.hosts.failing.add("stop:keystone@one")
    assert running.cloud.run_verb(VERB).exit_code == 1
    running.hosts.failing.clear()
    del running.hosts.says[CHOICE]
    with pytest.raises(KollaError, match="does not say what lies there"):
        running.cloud.run_verb(VERB)
    assert said(running.world) == ["pre", "failed"] * 2
