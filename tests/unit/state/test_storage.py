"""Shared storage: who runs what, what users get, one container a disk, and a cluster of somebody else."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from test_upgrade import NEWER, OLDER, go_to, upgrade
from world import World

from kolla.catalogue import sets
from kolla.errors import InputError, InputErrors
from kolla.state.canary import with_canary
from kolla.state.desired import DesiredContainer
from kolla.state.max_fail import bearing
from kolla.state.power import power_plan
from kolla.state.reconcile import reconcile

DISKS = [{"name": "a", "file": "4G"}, {"name": "b-2", "device": "/dev/sdb"}]


@pytest.fixture
def storage(tmp_path: Any) -> World:
    world = World(tmp_path, ("one", "two"))
    world.groups |= {"storage": world.hosts, "network": world.hosts, "compute": world.hosts}
    world.globals |= {"enable_ceph": True, "enable_glance": True, "ceph_osds": DISKS, "enable_notes": False}
    return world


def containers(world: World) -> dict[tuple[str, str], DesiredContainer]:
    return {(c.host, c.name): c for c in world.desired.containers}


def file(world: World, name: str, wanted: str) -> str:
    (found,) = {
        node.config.files[wanted].merged.text
        for node in world.desired.nodes
        if node.name == name and wanted in node.config.files
    }
    return found


def test_each_disk_is_a_container_with_a_volume_of_its_own(storage: World) -> None:
    found = containers(storage)
    assert {name for host, name in found if host == "one" and name.startswith("ceph")} == {
        "ceph-mgr",
        "ceph-mon",
        "ceph-osd-a",
        "ceph-osd-b-2",
    }
    file_, device = found["one", "ceph-osd-a"].spec, found["two", "ceph-osd-b-2"].spec
    assert (file_.name, file_.devices) == ("ceph_osd_a", ())
    assert (device.name, device.devices) == ("ceph_osd_b_2", ("/dev/sdb",))
    assert "ceph_osd_b_2" in {mount.source for mount in device.mounts}
    config = json.loads(found["two", "ceph-osd-b-2"].config.files["osd.json"].merged.text)
    assert (config["host"], config["name"], config["file"], config["device"]) == (
        "two",
        "b-2",
        None,
        "/dev/sdb",
    )


def test_disks_wait_for_managers_and_the_set_of_their_name_is_all_of_them(storage: World) -> None:
    assert "container:ceph-mgr@one" in containers(storage)["one", "ceph-osd-a"].after
    assert sets.known(storage.settings.services)["ceph-osd"] == {"ceph-osd-a", "ceph-osd-b-2"}
    (copies,) = (job for job in storage.desired.jobs if job.name == "ceph/copies")
    assert {f"container:ceph-osd-{name}@{host}" for name in ("a", "b-2") for host in storage.hosts} <= set(
        copies.after
    )
    assert json.loads(copies.config.files["settle.json"].merged.text)["disks"] == {
        "ceph-osd-a": ["one", "two"],
        "ceph-osd-b-2": ["one", "two"],
    }


def disk(operation: Any) -> bool:
    return str(operation.id).startswith("container:ceph-osd-")


def test_one_disk_of_all_is_taken_down_at_a_time_whatever_it_is_called(storage: World) -> None:
    storage.carry_out(reconcile(storage.desired, storage.states))
    storage.override("ceph/ceph.conf", "[osd]\nosd_max_backfills = 2\n")
    plan = reconcile(storage.desired, storage.states)
    disks = [operation for operation in plan.operations if disk(operation)]
    assert len(disks) == 4
    for before, operation in pairwise(disks):
        assert before.id in operation.after
    assert not [o for o in bearing(plan, storage.desired, "1").operations if disk(o) and o.bears]


def test_one_disk_of_all_is_restarted_at_a_time(storage: World) -> None:
    storage.carry_out(reconcile(storage.desired, storage.states))
    plan = power_plan(storage.desired, storage.states, "restart", {"ceph-osd-a", "ceph-osd-b-2"})
    assert len(plan.operations) == 4
    for before, operation in pairwise(plan.operations):
        assert before.id in operation.after


def test_disks_of_a_canary_come_first_and_one_at_a_time(storage: World) -> None:
    storage.carry_out(reconcile(storage.desired, storage.states))
    storage.override("ceph/ceph.conf", "[osd]\nosd_max_backfills = 2\n")
    desired = storage.desired
    plan = with_canary(reconcile(desired, storage.states), desired, storage.states, ("two",), 0)
    disks = [operation for operation in plan.operations if disk(operation)]
    assert [operation.host for operation in disks] == ["two", "two", "one", "one"]
    for before, operation in pairwise(disks):
        assert before.id in operation.after


def test_on_all_hosts_monitors_are_replaced_before_managers_and_those_before_disks(storage: World) -> None:
    go_to(storage, OLDER)
    storage.carry_out(reconcile(storage.desired, storage.states))
    go_to(storage, NEWER)
    plan, desired = upgrade(storage)
    kinds = [
        name.partition("@")[0].removeprefix("container:")[:8] for name in (o.id for o in plan.operations)
    ]
    order = [kind for kind in kinds if kind in ("ceph-mon", "ceph-mgr", "ceph-osd")]
    assert order == ["ceph-mon"] * 2 + ["ceph-mgr"] * 2 + ["ceph-osd"] * 4
    after = {operation.id: set(operation.after) for operation in plan.operations}
    assert with_canary(plan, desired, storage.states, ("two",), 0)
    for host in storage.hosts:
        assert {f"container:ceph-mon@{each}" for each in storage.hosts} <= after[f"container:ceph-mgr@{host}"]
        assert {f"container:ceph-mgr@{each}" for each in storage.hosts} <= after[
            f"container:ceph-osd-a@{host}"
        ]


def test_a_disk_taken_out_of_the_list_leaves_its_volume(storage: World) -> None:
    storage.carry_out(reconcile(storage.desired, storage.states))
    storage.globals["ceph_osds"] = DISKS[:1]
    made = reconcile(storage.desired, storage.states)
    assert {o.id for o in made.operations if "b_2" in o.id or "b-2" in o.id} == {
        "remove:ceph_osd_b_2@one",
        "remove:ceph_osd_b_2@two",
    }


@pytest.mark.parametrize(
    "disks, said",
    [
        ([{"file": "4G"}], "has no name"),
        ([{"name": "A", "file": "4G"}], "has no name"),
        ([{"name": "a", "file": "4G"}, {"name": "a", "file": "5G"}], "two items are called 'a'"),
        ([{"name": "a"}], "either a file"),
    ],
)
def test_disks_that_cannot_be(storage: World, disks: list[Any], said: str) -> None:
    storage.globals["ceph_osds"] = disks
    with pytest.raises((InputError, InputErrors), match=said):
        _ = storage.settings


def test_images_are_files_until_the_settings_say_otherwise(storage: World) -> None:
    assert ("two", "glance-api") not in containers(storage)
    assert set(containers(storage)["one", "glance-api"].config.files) & {"ceph.conf"} == set()
    assert not [job for job in storage.desired.jobs if job.name == "ceph/storage-glance"]


def test_who_needs_storage_has_its_pools_its_users_and_the_way_to_it(storage: World) -> None:
    storage.globals["glance_backend_ceph"] = True
    key = storage.settings.passwords["ceph_glance_key"].reveal()
    assert key in file(storage, "glance-api", "ceph.client.glance.keyring")
    assert "mon_host = [v2:10.0.0.1:3300],[v2:10.0.0.2:3300]" in file(storage, "glance-api", "ceph.conf")
    (job,) = (job for job in storage.desired.jobs if job.name == "ceph/storage-glance")
    assert json.loads(job.config.files["pools.json"].merged.text) == {
        "pools": ["images"],
        "users": [{"name": "glance", "key": key, "pools": ["images"], "reads": []}],
    }
    assert job.id in containers(storage)["two", "glance-api"].after
    config = containers(storage)["two", "glance-api"].config.files["glance-api.conf"].merged.text
    assert "default_backend = rbd" in config


def test_a_need_that_nobody_meets_is_refused(storage: World) -> None:
    storage.globals |= {"glance_backend_ceph": True, "enable_ceph": False}
    with pytest.raises(InputError, match="'glance' needs 'storage'"):
        _ = storage.settings


def test_of_somebody_elses_cluster_nothing_is_deployed(storage: World) -> None:
    storage.globals |= {
        "ceph_external": True,
        "ceph_external_monitors": ["192.0.2.1", "192.0.2.2"],
        "glance_backend_ceph": True,
    }
    assert not [node for node in storage.desired.nodes if node.name.startswith("ceph")]
    assert "mon_host = 192.0.2.1,192.0.2.2" in file(storage, "glance-api", "ceph.conf")
    assert not [o for o in reconcile(storage.desired, storage.states).operations if "ceph" in o.id]


def test_of_somebody_elses_cluster_the_monitors_are_named(storage: World) -> None:
    storage.globals["ceph_external"] = True
    with pytest.raises(InputError, match="names none"):
        _ = storage.settings
