"""`--limit` is safe: what it leaves out is not asked, and not forgotten."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World

from kolla import places
from kolla.configuration import Configuration
from kolla.events import ignore
from kolla.hosts import Hosts
from kolla.state.plan import ContainerOperation, JobOperation, Plan
from kolla.state.reconcile import reconcile

HOSTS = ("one", "two", "three", "four")
SOME = st.sets(st.sampled_from(HOSTS), min_size=1)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("limit"), hosts=HOSTS)


@pytest.fixture(scope="module")
def desired(world: World) -> Any:
    return world.desired


@pytest.fixture(scope="module")
def empty_and_deployed(world: World, desired: Any) -> tuple[Any, Any]:
    empty = dict(world.states)
    world.carry_out(reconcile(desired, empty))
    return empty, dict(world.states)


def written(plan: Plan) -> dict[str, tuple[str, Any, Any]]:
    """Operation -> host, spec, and the files with their digests."""
    return {
        operation.id: (operation.host, operation.spec, operation.folder)
        for operation in plan.operations
        if isinstance(operation, ContainerOperation | JobOperation)
    }


@given(limit=SOME, there=st.sets(st.sampled_from(HOSTS)))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_limited_plan_writes_what_the_unlimited_one_does(desired, empty_and_deployed, limit, there):
    """Whichever hosts have the cloud already: same containers, same files, same jobs on the same hosts.

    But for jobs for the first host with data: which that is, only those asked say (docs/decisions/0034).
    """
    of_first = {job.id for job in desired.jobs if job.first_of}
    empty, deployed = empty_and_deployed
    states = {host: deployed[host] if host in there else empty[host] for host in HOSTS}
    unlimited = written(reconcile(desired, states))
    limited = written(reconcile(desired, {host: states[host] for host in HOSTS if host in limit}))
    expected = {id_: what for id_, what in unlimited.items() if what[0] in limit}
    assert {i: w for i, w in limited.items() if i not in of_first} == {
        i: w for i, w in expected.items() if i not in of_first
    }


class StandIn:
    """Hosts that answer with what a world knows of them, and note that they were asked."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.asked: set[str] = set()

    def ask(self, verb: str, requests: Mapping[str, Any]) -> dict[str, Any]:
        assert verb == "observe"
        self.asked |= set(requests)
        return {
            host: {
                "facts": self.world.facts[host].model_dump(mode="json"),
                "state": self.world.states[host].model_dump(mode="json", exclude={"host", "folders"}),
            }
            for host in requests
        }


@pytest.fixture(scope="module")
def configuration(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Configuration]:
    root = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "state_root", lambda: root)
        configuration = Configuration(world.directory, service_paths=(world.services,))
        settings_ = world.settings
        vars(configuration)["inventory"] = settings_.inventory
        vars(configuration)["settings"] = settings_
        world.report.save(configuration.places.build_report)
        yield configuration


@given(limit=SOME, known=st.booleans())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_limited_run_renders_the_same_bytes(world, configuration, desired, limit, known):
    """All the way from a question to the hosts: for those in the limit, the same files, byte by byte."""
    configuration.places.facts.unlink(missing_ok=True)
    limited = replace(configuration, limit=tuple(limit))
    for name in ("inventory", "settings"):
        vars(limited)[name] = vars(configuration)[name]
    stand_in = StandIn(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Hosts, "_executor", lambda self, phase: stand_in)
        if known:
            Hosts(configuration, ignore).facts()
            stand_in.asked.clear()
        seen, states = Hosts(limited, ignore).observed()
    assert set(states) == limit
    assert stand_in.asked == (limit if known else set(HOSTS)), "others are asked for their facts once"
    for host in limit:
        assert files(seen, host) == files(desired, host)


def files(desired: Any, host: str) -> dict[tuple[str, str], bytes]:
    return {
        (node.id, name): file.content
        for node in (*desired.containers, *desired.jobs)
        if node.host == host
        for name, file in node.config.files.items()
    }
