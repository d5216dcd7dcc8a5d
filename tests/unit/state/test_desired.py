"""What the desired state tells of one host is the same as looking for it everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import World

from kolla.state.desired import Desired, grouped
from kolla.state.explain import text, title
from kolla.state.reconcile import reconcile
from kolla.state.resources import union

HOSTS = ("one", "two", "three", "four")


@pytest.fixture(scope="module")
def desired(tmp_path_factory: pytest.TempPathFactory) -> Desired:
    return _world(tmp_path_factory.mktemp("world")).desired


def _world(directory: Path) -> World:
    """Three hosts that are everything, and one that has hardly anything."""
    world = World(directory, HOSTS)
    world.groups = {"control": HOSTS[:3], "compute": HOSTS[3:]}
    return world


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers())))
def test_groups_have_all_items_in_their_order(items: list[tuple[str, int]]) -> None:
    found = grouped(items, lambda item: item[0])
    assert found == {name: tuple(i for i in items if i[0] == name) for name, _ in items}
    assert list(found) == list(dict.fromkeys(name for name, _ in items))


def test_of_a_host(desired: Desired) -> None:
    for host in (*HOSTS, "unknown"):
        assert desired.containers_on(host) == tuple(c for c in desired.containers if c.host == host)
        assert desired.jobs_on(host) == tuple(job for job in desired.jobs if job.host == host)
        needs = {service: r for (h, service), r in desired.host_needs.items() if h == host}
        assert desired.needs_of.get(host, {}) == needs


def test_of_a_container_and_of_a_volume(desired: Desired) -> None:
    for name in {c.spec.name for c in desired.containers}:
        assert desired.containers_called(name) == tuple(c for c in desired.containers if c.spec.name == name)
    for volume in {volume for c in desired.containers for volume in c.mounted}:
        hosts = {c.host for c in desired.containers if volume in c.mounted}
        assert desired.hosts_of_volumes[volume] == hosts
    assert desired.containers_called("unknown") == ()


def test_a_host_is_asked_for_what_is_its_own(desired: Desired) -> None:
    for host, question in desired.questions().items():
        nodes = [node for node in desired.nodes if node.host == host]
        assert question["images"] == sorted({node.spec.image for node in nodes})
        assert question["volumes"] == sorted({volume for node in nodes for volume in node.mounted})
        needs = union(r for (h, _), r in desired.host_needs.items() if h == host)
        assert question["resources"] == needs.model_dump()
        assert question["folders"] == {
            c.config.path: {name: file.sha256 for name, file in c.config.files.items()}
            for c in desired.containers
            if c.host == host
        }
    assert list(desired.questions()) == list(desired.hosts)


def test_the_text_of_a_plan_has_each_operation_below_its_host(tmp_path: Path) -> None:
    world = _world(tmp_path)
    world.groups = {"control": HOSTS, "compute": HOSTS}
    plan = reconcile(world.desired, world.states)
    place = ""
    told: list[tuple[str, str]] = []
    titles = {title(operation) for operation in plan.operations}
    for line in text(plan).splitlines():
        place = line if line in HOSTS else place
        told += [(place, name) for name in titles if line[4:].startswith(name) and line[:2] == "  "]
    wanted = {(operation.host, title(operation)) for operation in plan.operations}
    assert wanted <= set(told)
