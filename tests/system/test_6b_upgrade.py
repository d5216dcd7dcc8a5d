"""Three controllers and a compute host between two releases, with users on them: there, back, and there
again with a canary. Beside the cloud of test_6_controllers there would not be enough memory for this one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from system.between import NEWER, OLDER
from system.client import Demo
from system.harness import Kolla
from system.load import PING_GAP, Load
from test_6_controllers.controllers import COMPUTE, CONTROLLERS, Controllers, three_controllers

from bench.pings import Pings

pytestmark = pytest.mark.long

STEPS = {
    "there": (["upgrade"], NEWER),
    "back": (["rollback", "--yes"], OLDER),
    "by a canary": (["upgrade", "--canary", f"{CONTROLLERS[-1]},{COMPUTE}", "--soak", "5s"], NEWER),
}
"""Name -> the verb, and the release that runs after it."""
MAY_FAIL = {
    "Connection reset|Remote end closed|Connection aborted": (
        "one load balancer cuts what it has 5 s after another is ready; after the VIP has gone, it refuses"
    ),
    "^images? .*502": (
        "with files, the image service is on one host: what it had not begun when it was stopped"
    ),
}
"""What of a request's name and its failure is known, and why it cannot be helped."""


@pytest.fixture(scope="module")
def older(
    cloud: Kolla, machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Controllers]:
    """Of the older release; the images of the newer one are built."""
    directory = tmp_path_factory.mktemp("older")
    with three_controllers(directory, machine_globals, "older", openstack_release=OLDER) as three:
        three.cloud.set(openstack_release=NEWER)
        three.cloud.run("build", "--push", "--profile", "enabled")
        yield three


def unexplained(load: Load) -> dict[str, Counter[str]]:
    """Of each kind of request, failures that nobody has a reason for."""
    known = re.compile("|".join(MAY_FAIL))
    found = {
        name: Counter(
            failure.why for failure in answers.failures if not known.search(f"{name}: {failure.why}")
        )
        for name, answers in load.answers.items()
    }
    return {name: failures for name, failures in found.items() if failures}


@pytest.mark.parametrize("step", STEPS)
def test_users_of_several_controllers_go_through_it(older: Controllers, step: str) -> None:
    verb, release = STEPS[step]
    user = Demo.of(older.cloud.config_directory)
    kept = user.openstack.create_image(f"before {step}")
    with Pings(user.login.address) as pings, Load(user.openstack) as load:
        said = older.cloud.progress(*verb)
    print(f"{said}\n{step}: {pings}\n{load}")
    assert unexplained(load) == {}
    assert pings.longest_gap <= PING_GAP
    assert user.login.run("hostname").strip() == user.name
    assert kept in {image["id"] for image in user.openstack.get("image", "/v2/images")["images"]}
    user.try_another(f"after {step}")
    assert user.told["name"] == user.name
    assert {row["version"] for row in older.cloud.json("status")} == {release}
    assert all(finding["ok"] for finding in older.cloud.json("check"))
    # After going back the settings still say where it came from; a plan would be that of the way there.
    assert release == OLDER or older.cloud.plan() == []
