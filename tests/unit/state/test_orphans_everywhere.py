"""Which data would be left behind, on any hosts: the same as asking it of each container by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World

from kolla.errors import KollaError
from kolla.state import orphans
from kolla.state.desired import Desired
from kolla.state.host_state import HostState
from kolla.state.revision_diff import as_applied

HOSTS = ("one", "two", "three")


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Desired:
    """What keeps data, on three hosts."""
    desired = World(tmp_path_factory.mktemp("world"), HOSTS).desired
    keeping = tuple(c for c in desired.containers if set(c.mounted) & desired.data)
    return replace(desired, containers=keeping)


def one_by_one(desired: Desired, states: Mapping[str, HostState]) -> Iterator[tuple[str, str]]:
    """(volume, host) where it would be empty, though hosts that give it up have its data."""
    for container in desired.containers:
        for volume in set(container.mounted) & desired.data if container.host in states else ():
            wanted = {c.host for c in desired.containers if volume in c.mounted}
            with_data = {host for host, state in states.items() if state.volumes.get(volume) is not None}
            using = {
                host
                for host, state in states.items()
                if any(volume in orphans.mounted(there) for there in state.containers.values())
            }
            others_may_have_it = wanted & with_data or wanted - states.keys()
            nobodys = volume in states[container.host].unclaimed
            if not others_may_have_it and not nobodys and (with_data & using) - wanted:
                yield volume, container.host


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_same_containers_are_refused(everything: Desired, data: st.DataObject) -> None:
    desired = replace(
        everything, containers=tuple(c for c in everything.containers if data.draw(st.booleans()))
    )
    volumes = sorted(everything.data)
    states = {
        host: state.model_copy(
            update={
                "containers": {n: c for n, c in state.containers.items() if data.draw(st.booleans())},
                "volumes": dict.fromkeys(data.draw(st.sets(st.sampled_from(volumes))), "epoch"),
                "unclaimed": tuple(data.draw(st.sets(st.sampled_from(volumes), max_size=1))),
            }
        )
        for host, state in as_applied(everything, everything).items()
        if data.draw(st.integers(0, 5))
    }
    said = ""
    try:
        orphans.check(desired, states, None)
    except KollaError as error:
        said = str(error)
    wanted = {
        f"volume '{volume}' would be empty on host '{host}'" for volume, host in one_by_one(desired, states)
    }
    assert said.count("would be empty") >= len(wanted)
    assert all(sentence in said for sentence in wanted)
    assert bool(said) == bool(wanted)
