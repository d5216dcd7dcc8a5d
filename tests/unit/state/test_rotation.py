"""Verbs that rotate passwords: every host gets them, and none is left two rotations behind."""

from __future__ import annotations

import pytest
from world import World

from kolla.errors import InputError
from kolla.secret import Secret
from kolla.settings import passwords
from kolla.state import explain
from kolla.state.plan import Plan
from kolla.state.reconcile import reconcile
from kolla.state.rotation import carriers, check_complete, rotated

HOSTS = ("one", "two", "three")
VERB = "rotate-fernet-keys"


def keys(world: World) -> list[Secret]:
    settings = world.settings
    (verb,) = [f.service.verbs[VERB] for f in settings.services if VERB in f.service.verbs]
    return [settings.passwords[name] for name in verb.rotates]


def rotate(world: World) -> None:
    names = [f"keystone_fernet_key_{which}" for which in ("staged", "primary", "older", "oldest")]
    passwords.rotate(world.directory / "passwords.yml", world.settings.catalogue, names)


def plan_of(world: World) -> Plan:
    jobs = [job for job in world.desired.verbs if job.name == f"keystone/verb-{VERB}"]
    return rotated(world.desired, jobs, world.states, keys(world))


def test_every_host_has_the_same_keys_from_the_beginning(three: World) -> None:
    there = [job.config.files["keys.json"].content for job in carriers(three.desired, keys(three))]
    assert len(there) == len(HOSTS)
    assert len(set(there)) == 1


def test_a_rotation_brings_the_keys_to_every_host_and_restarts_nothing(three: World) -> None:
    check_complete(VERB, carriers(three.desired, keys(three)), three.states)
    before = [key.reveal() for key in keys(three)]
    rotate(three)
    assert [key.reveal() for key in keys(three)][1:] == before[:-1]
    plan = plan_of(three)
    assert [o.id for o in plan.operations] == [
        *(f"job:keystone/seed-keys@{host}" for host in sorted(HOSTS)),
        *(f"job:keystone/verb-{VERB}@{host}" for host in sorted(HOSTS)),
    ]
    shown = explain.text(plan) + plan.model_dump_json()
    assert not [key for key in keys(three) if key.reveal() in shown]
    three.carry_out(plan)
    assert not reconcile(three.desired, three.states).operations


def test_a_host_that_missed_a_rotation_is_named_before_the_next_one(three: World) -> None:
    rotate(three)
    jobs = carriers(three.desired, keys(three))
    with pytest.raises(InputError, match="host 'one' does not have what the last rotation made") as caught:
        check_complete(VERB, jobs, three.states)
    assert "run: kolla deploy" in str(caught.value)
    plan = reconcile(three.desired, three.states)
    assert [o.id for o in plan.operations] == [f"job:keystone/seed-keys@{host}" for host in sorted(HOSTS)]
    three.carry_out(plan)
    check_complete(VERB, jobs, three.states)


def test_no_rotation_for_some_of_the_hosts(three: World) -> None:
    states = {host: three.states[host] for host in HOSTS[:2]}
    with pytest.raises(InputError, match="--limit leaves out three"):
        check_complete(VERB, carriers(three.desired, keys(three)), states)


def test_a_host_that_comes_later_gets_the_present_keys(three: World) -> None:
    rotate(three)
    three.carry_out(plan_of(three))
    three.states["two"] = three.states["two"].model_copy(
        update={"containers": {}, "volumes": {}, "jobs": {}, "folders": {}}
    )
    ids = [o.id for o in reconcile(three.desired, three.states).operations]
    assert "job:keystone/seed-keys@two" in ids
    assert "job:keystone/seed-keys@one" not in ids
