"""An upgrade over a release with users on the cloud; the way back, which needs the backup, as nova of then
cannot read what nova of now writes; and forward again to the end.

Needs the images of the oldest release built beside those of the newest one, which takes long.
"""

from __future__ import annotations

import pytest
from system.client import Demo, OpenStack
from system.harness import Kolla, begin_again, qemu_pid
from system.load import PING_GAP, in_use

from bench.pings import Pings

pytestmark = pytest.mark.long

OLDEST, NEWEST = "2025.1", "2026.1"


@pytest.fixture(scope="module")
def oldest(cloud: Kolla) -> Kolla:
    """The machine's cloud, from nothing, with the oldest release."""
    begin_again(cloud, OLDEST, NEWEST)
    return cloud


@pytest.fixture(scope="module")
def user(oldest: Kolla) -> Demo:
    return Demo.of(oldest.config_directory)


def releases(cloud: Kolla) -> set[str]:
    return {row["version"] for row in cloud.json("status")}


def made_images(openstack: OpenStack) -> set[str]:
    return {image["name"] for image in openstack.get("image", "/v2/images")["images"]} & {"before", "between"}


def test_there_with_users_on_it(oldest: Kolla, user: Demo) -> None:
    user.openstack.create_image("before")
    with in_use(user, "upgrade over a release"):
        oldest.run("upgrade")
    assert releases(oldest) == {NEWEST}
    assert oldest.plan() == []
    user.openstack.create_image("between")
    user.try_another("after-upgrade")
    assert user.told["name"] == user.name


def test_back_with_the_backup_which_has_to_be_wanted(oldest: Kolla, user: Demo) -> None:
    assert "nova cannot go back without it" in oldest.run("rollback", "--yes", expect=3)
    assert releases(oldest) == {NEWEST}
    pid = qemu_pid(user.id)
    with Pings(user.login.address) as pings:
        oldest.run("rollback", "--restore", "--yes")
    print(f"back with the backup: {pings}")
    assert pings.longest_gap <= PING_GAP
    assert qemu_pid(user.id) == pid
    assert releases(oldest) == {OLDEST}
    assert all(finding["ok"] for finding in oldest.json("check"))
    assert made_images(user.openstack) == {"before"}
    user.try_another("after-rollback")
    assert user.told["name"] == user.name


def test_again_to_its_end(oldest: Kolla, user: Demo) -> None:
    with in_use(user, "upgrade again"):
        oldest.run("upgrade")
    with in_use(user, "its end"):
        oldest.run("upgrade", "--finish")
    assert releases(oldest) == {NEWEST}
    assert oldest.plan() == []
    assert made_images(user.openstack) == {"before"}
    user.try_another("after-finish")
    assert user.told["name"] == user.name
