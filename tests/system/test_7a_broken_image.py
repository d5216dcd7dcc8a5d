"""Images that are broken on purpose: a canary finds it, what serves goes on serving, and going back leaves no
trace of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from system.between import BROKEN, HOSTS, NEWER, OLDER, Between, small_cloud
from system.load import Load

pytestmark = pytest.mark.long

FIRST, OTHER = "node2", "node1"
CANARY = ("--canary", FIRST, "--soak", "5s")


@pytest.fixture(scope="module")
def newer(machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Between]:
    with small_cloud("broken", tmp_path_factory.mktemp("broken"), NEWER, machine_globals) as between:
        yield between


@pytest.fixture(scope="module")
def older(machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Between]:
    with small_cloud("broken-older", tmp_path_factory.mktemp("broken"), OLDER, machine_globals) as between:
        yield between


def keystone(between: Between, host: str) -> str:
    """The very container, and when it was started."""
    form = "{{.Id}} {{.State.StartedAt}}"
    return between.rig.run(host, ["docker", "inspect", "--format", form, "keystone"])


def failed_canary(between: Between, *verb: str) -> str:
    """What is said of a change whose canary does not start, while somebody asks for tokens all the time."""
    before = keystone(between, OTHER)
    with Load(between.openstack, ["token"]) as load:
        said = between.cloud.run(*verb, *CANARY, expect=1)
    print(load)
    if verb == ("deploy",):  # an upgrade replaces the one database as well
        assert load.answers["token"].failures == []
    assert not load.answers["token"].failing
    assert keystone(between, OTHER) == before
    assert f"The canary failed: container:keystone@{FIRST}: " in said
    assert f"Left as they are because of that: keystone on {OTHER}" in said
    return said


def test_a_broken_image_is_found_by_the_canary_and_leaves_no_trace(newer: Between) -> None:
    hosts, serving, rows, cloud = newer.hosts(), newer.serving(), newer.rows(), newer.cloud
    newer.build(NEWER, "^keystone$", image_overrides=BROKEN)
    assert "It was taken back to revision 1; this is revision 3." in failed_canary(newer, "deploy")
    assert newer.serving() == serving
    assert [(r["verb"], r["result"]) for r in cloud.json("revisions")[-2:]] == [
        ("deploy", "failed"),
        ("rollback", "done"),
    ]
    newer.build(NEWER, "^keystone$", image_overrides={})
    # Of the broken image nothing but jobs were run, which are recorded as such and done again.
    assert {operation["kind"] for operation in cloud.plan()} == {"endpoint", "job"}
    cloud.run("deploy")
    assert newer.hosts() == hosts
    assert newer.rows() == rows
    assert all(finding["ok"] for finding in cloud.json("check"))


def toolbox(between: Between, host: str) -> str:
    """The configuration that the container runs with."""
    return between.rig.run(host, ["docker", "exec", "kolla_toolbox", "cat", "/etc/openstack/clouds.yaml"])


def test_a_rollout_goes_on_past_as_many_hosts_as_it_may_fail_on(newer: Between) -> None:
    cloud, before = newer.cloud, {host: toolbox(newer, host) for host in HOSTS}
    # The first in turn does not start any more, and both have something to take up.
    cloud.override("toolbox/clouds.yaml", "clouds: {admin: {verify: true}}\n")
    broken = cloud.override(f"toolbox/{HOSTS[0]}/kolla-toolbox/config.json", '{"command": "false"}\n')
    assert f"container:kolla-toolbox@{HOSTS[0]} failed: " in cloud.run("deploy", expect=1)
    assert {host: toolbox(newer, host) for host in HOSTS} == before
    said = cloud.run("plan", "--max-fail", "1", expect=2)
    assert "may fail on 1 host; goes on by itself: kolla-toolbox" in said
    cloud.run("deploy", "--max-fail", "1", expect=1)
    assert toolbox(newer, HOSTS[0]) == before[HOSTS[0]]
    assert toolbox(newer, HOSTS[1]) != before[HOSTS[1]]
    broken.unlink()
    (operation,) = cloud.plan()
    assert operation["id"] == f"container:kolla-toolbox@{HOSTS[0]}"
    cloud.run("deploy")
    assert cloud.plan() == []


def test_a_release_whose_image_is_broken_is_gone_back_from(older: Between) -> None:
    before, rows, cloud = older.serving(), older.rows(), older.cloud
    older.build(NEWER, image_overrides=BROKEN)
    failed_canary(older, "upgrade")
    cloud.run("rollback", "--yes")
    assert older.serving() == before
    assert older.rows() == rows
    older.build(NEWER, "^keystone$", image_overrides={})
    cloud.run("upgrade", *CANARY)
    assert cloud.plan() == []
    assert older.rows() == rows
