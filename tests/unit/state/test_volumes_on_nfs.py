"""Volumes on shares of NFS: who may mount them, where hypervisors see them, and who is left as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from world import World

from kolla.state.desired import DesiredContainer
from kolla.state.reconcile import reconcile

SHARE = "192.0.2.21:/volumes"
MOUNTS = "/run/nova-mnt"


@pytest.fixture
def cloud(tmp_path: Path) -> World:
    world = World(tmp_path, ("one", "two"))
    world.groups |= {group: world.hosts for group in ("compute", "network", "storage")}
    world.globals = {
        "network_interface": "eth0",
        "kolla_internal_vip_address": "10.0.0.250",
        "enable_ceph": True,
        "enable_cinder": True,
        "enable_cinder_backend_nfs": True,
        "cinder_nfs_shares": [SHARE],
        "enable_notes": False,
    }
    return world


def containers(cloud: World, service: str) -> dict[tuple[str, str], DesiredContainer]:
    return {(c.name, c.host): c for c in cloud.desired.containers if c.service == service}


def added(container: DesiredContainer) -> set[str]:
    return {"SYS_ADMIN", "NET_ADMIN", "DAC_READ_SEARCH"} & set(container.spec.capabilities)


def test_only_what_mounts_is_root_and_one_host_at_a_time_works_on_shares(cloud: World) -> None:
    found = containers(cloud, "cinder")
    assert ("cinder-volume-nfs", "one") in found
    assert ("cinder-volume-nfs", "two") not in found
    assert {name for name, _ in found if name.startswith("cinder-backup")} == {"cinder-backup-nfs"}
    assert len(added(found["cinder-volume-nfs", "one"])) == len(added(found["cinder-backup-nfs", "two"])) == 3
    assert not added(found["cinder-volume", "one"])
    shares = found["cinder-volume-nfs", "one"].config.files["nfs_shares"]
    assert shares.merged.text == f"{SHARE}\n"
    assert not [name for name in found["cinder-volume-nfs", "one"].config.files if "ceph" in name]
    work = {
        name: m.source
        for (name, _), c in found.items()
        for m in c.spec.mounts
        if m.target == "/var/lib/cinder"
    }
    assert (
        work["cinder-volume-nfs"] == work["cinder-backup-nfs"] != work["cinder-volume"] == work["cinder-api"]
    )


def test_hypervisors_see_what_the_compute_service_mounts(cloud: World) -> None:
    for name in ("nova-compute", "nova-libvirt"):
        mounts = {mount.target: mount for mount in containers(cloud, "nova")[name, "two"].spec.mounts}
        assert mounts["/var/lib/nova/mnt"].source == MOUNTS
        assert mounts["/var/lib/nova/mnt"].propagation == "shared"
    assert MOUNTS in cloud.desired.host_needs["two", "nova"].shared_mounts


@pytest.mark.parametrize("off", [{"enable_cinder_backend_nfs": False}, {"enable_cinder": False}])
def test_without_them_nobody_mounts_anything(cloud: World, off: dict[str, Any]) -> None:
    cloud.globals |= off
    assert {name for name, _ in containers(cloud, "cinder")} <= {
        *("cinder-api", "cinder-scheduler", "cinder-volume", "cinder-backup"),
    }
    for name in ("nova-compute", "nova-libvirt"):
        spec = containers(cloud, "nova")[name, "one"].spec
        assert "/var/lib/nova/mnt" not in {mount.target for mount in spec.mounts}
    assert cloud.desired.host_needs["one", "nova"].shared_mounts == ()


def test_alone_they_need_no_storage_of_hosts(cloud: World) -> None:
    cloud.globals |= {"enable_ceph": False, "cinder_backend_ceph": False}
    assert {name for name, _ in containers(cloud, "cinder")} == {
        *("cinder-api", "cinder-scheduler", "cinder-volume-nfs", "cinder-backup-nfs"),
    }


def test_of_two_services_of_backups_one_makes_way_for_the_other(cloud: World) -> None:
    cloud.globals |= {"enable_cinder_backend_nfs": False}
    cloud.carry_out(reconcile(cloud.desired, cloud.states))
    cloud.globals |= {"enable_cinder_backend_nfs": True}
    operations = {o.id: o for o in reconcile(cloud.desired, cloud.states).operations}
    assert "remove:cinder_backup@one" in operations["container:cinder-backup-nfs@one"].after
