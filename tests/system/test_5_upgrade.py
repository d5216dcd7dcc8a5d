"""An upgrade between releases with users on the cloud, back, again, its end, and everything still there.

Needs the images of the older release built beside those of the newer one, which takes long.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from system.client import Demo
from system.harness import Kolla, begin_again
from system.load import in_use

pytestmark = pytest.mark.long

OLDER, NEWER = "2025.2", "2026.1"


@pytest.fixture(scope="module")
def older(cloud: Kolla) -> Kolla:
    """The machine's cloud, from nothing, with the older release."""
    begin_again(cloud, OLDER, NEWER)
    return cloud


@pytest.fixture(scope="module")
def user(older: Kolla) -> Demo:
    return Demo.of(older.config_directory)


def test_a_deploy_says_that_it_would_be_an_upgrade(older: Kolla) -> None:
    assert f"{OLDER} runs, and the images are of {NEWER}: this is an upgrade" in older.run("deploy", expect=3)


STEPS = {
    "upgrade": (["upgrade"], NEWER),
    "back": (["rollback", "--yes"], OLDER),
    "again": (["upgrade"], NEWER),
    "finish": (["upgrade", "--finish"], NEWER),
}
"""Name -> the verb, and the release that runs after it."""


@pytest.fixture(scope="module")
def kept(user: Demo) -> Iterator[list[str]]:
    """Images that were made before steps and between them: none is to be lost. Nothing else is left."""
    made: list[str] = []
    yield made
    for image in made:
        user.openstack.call("DELETE", "image", f"/v2/images/{image}")


@pytest.mark.parametrize("step", STEPS)
def test_a_server_and_its_users_go_through_it(older: Kolla, user: Demo, kept: list[str], step: str) -> None:
    words, release = STEPS[step]
    kept.append(user.openstack.create_image(f"before {step}"))
    with in_use(user, step):
        older.run(*words)
    assert set(kept) <= {image["id"] for image in user.openstack.get("image", "/v2/images")["images"]}
    user.try_another(f"after-{step}")
    assert user.told["name"] == user.name
    assert {row["version"] for row in older.json("status")} == {release}
    # After going back the settings still say where it came from; a plan would be that of the way there.
    assert release == OLDER or older.plan() == []


def test_there_is_nothing_left_to_finish(older: Kolla) -> None:
    assert "no upgrade is unfinished" in older.run("upgrade", "--finish", expect=3)
