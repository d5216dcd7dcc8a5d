"""Containers that get their data from the one on the first host, as a third party's service would say it."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World

from kolla.errors import InputError
from kolla.state.plan import ContainerOperation, JobOperation, Plan
from kolla.state.power import power_plan
from kolla.state.reconcile import reconcile

HOSTS = ("one", "two", "three")
MAKES_DATA = """
jobs:
  found:
    container: notes
    first: true
    command: [notes-manage, db-sync]
"""


def with_first(directory: Path, hosts: tuple[str, ...] = HOSTS) -> World:
    world = World(directory, hosts=hosts)
    world.edit("notes/service.yml", "    after: [job/db-sync]", "    after: [job/found, first]")
    world.edit("notes/service.yml", "\njobs:\n", MAKES_DATA)
    return world


@pytest.fixture
def three(tmp_path: Path) -> World:
    return with_first(tmp_path)


def waits(plan: Plan, name: str = "notes") -> dict[str, list[str]]:
    """Host -> the hosts whose container that one waits for."""
    known = {
        o.id: o.host for o in plan.operations if isinstance(o, ContainerOperation) and o.spec.name == name
    }
    operations = {o.id: o for o in plan.operations}
    return {host: [known[a] for a in operations[id_].after if a in known] for id_, host in known.items()}


def founders(plan: Plan) -> list[str]:
    return [o.host for o in plan.operations if isinstance(o, JobOperation) and o.job == "notes/found"]


def planned(world: World, *limit: str) -> Plan:
    return reconcile(world.desired, {h: s for h, s in world.states.items() if h in (limit or world.hosts)})


def lose_disk(world: World, host: str) -> None:
    world.states[host] = world.states[host].__class__(host=host, engine=world.states[host].engine)


def test_the_first_of_the_group_begins_while_none_has_data(three: World) -> None:
    assert waits(planned(three)) == {"one": [], "two": ["one"], "three": ["one"]}
    assert founders(planned(three)) == ["one"]


def test_deployed_it_is_done(three: World) -> None:
    three.carry_out(planned(three))
    assert not planned(three)


def test_one_host_is_as_without_the_word(tmp_path: Path) -> None:
    world = with_first(tmp_path, hosts=("one",))
    assert (waits(planned(world)), founders(planned(world))) == ({"one": []}, ["one"])
    world.carry_out(planned(world))
    assert not planned(world)


def test_a_host_that_was_replaced_waits_for_one_that_has_the_data(three: World) -> None:
    three.carry_out(planned(three))
    lose_disk(three, "one")
    assert waits(planned(three)) == {"one": []}  # nobody waits for one that runs
    assert founders(planned(three)) == ["two"]
    before = three.states["two"]
    gone = {name: c for name, c in before.containers.items() if name != "notes"}
    three.states["two"] = before.model_copy(update={"containers": gone})
    assert waits(planned(three)) == {"one": ["two"], "two": []}


def test_a_volume_with_nothing_in_it_is_no_data(three: World) -> None:
    three.carry_out(planned(three))
    lose_disk(three, "one")
    volumes = {"notes": "an epoch"}
    three.states["one"] = three.states["one"].model_copy(update={"volumes": volumes, "blank": ("notes",)})
    assert founders(planned(three)) == ["two"]


def test_hosts_that_have_data_do_not_wait_for_each_other(three: World) -> None:
    three.carry_out(planned(three))
    for host in HOSTS:
        state = three.states[host]
        stopped = state.containers["notes"].model_copy(update={"state": "exited", "ready": False})
        three.states[host] = state.model_copy(update={"containers": {**state.containers, "notes": stopped}})
    assert waits(planned(three)) == {host: [] for host in HOSTS}
    assert not any(o.after for o in power_plan(three.desired, three.states, "start", {"notes"}).operations)


def test_nobody_begins_while_others_may_have_data(three: World) -> None:
    assert founders(planned(three, "one")) == []
    assert waits(planned(three, "two")) == {"two": []}
    three.carry_out(planned(three))
    assert founders(planned(three, "one")) == []


def test_the_first_stops_last(three: World) -> None:
    three.carry_out(planned(three))
    plan = power_plan(three.desired, three.states, "stop", {"notes"})
    assert [o.host for o in plan.operations] == ["three", "two", "one"]
    assert [o.after for o in plan.operations] == [(), ("stop:notes@three",), ("stop:notes@two",)]


def test_more_hosts_get_the_data_of_the_one_there_was(tmp_path: Path) -> None:
    world = with_first(tmp_path)
    world.groups["notes"] = ("two",)
    world.carry_out(planned(world))
    world.groups["notes"] = HOSTS
    assert waits(planned(world)) == {"one": [], "three": []}
    world.override("notes/notes.conf", "[DEFAULT]\ndebug = true\n")
    assert waits(planned(world)) == {"one": ["two"], "two": [], "three": ["two"]}
    assert founders(planned(world)) == []


@given(with_data=st.sets(st.sampled_from(HOSTS)), asked=st.sets(st.sampled_from(HOSTS), min_size=1))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_data_is_made_only_where_there_is_none_anywhere(
    shared: World, deployed_states: dict, with_data: set[str], asked: set[str]
) -> None:
    """Whoever is asked: nobody founds beside data that is there, and whoever is empty waits for data."""
    empty = World.states_of(HOSTS)
    states = {h: deployed_states[h] if h in with_data else empty[h] for h in HOSTS if h in asked}
    plan = reconcile(shared.desired, states)
    for founder in founders(plan):
        assert founder in with_data or (asked == set(HOSTS) and not with_data and founder == "one")
    for host, others in waits(plan).items():
        assert host not in with_data
        assert all(other == "one" and not with_data for other in others)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> World:
    return with_first(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def deployed_states(shared: World) -> dict:
    shared.carry_out(reconcile(shared.desired, shared.states))
    return dict(shared.states)


def test_a_job_for_the_first_needs_a_container_that_has_one(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.edit("notes/service.yml", "\njobs:\n", MAKES_DATA)
    with pytest.raises(InputError, match="a job for the first host"):
        _ = world.settings
