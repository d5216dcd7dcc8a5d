from __future__ import annotations

import pytest
import yaml
from world import World

from kolla.build_report import BuildReport, InputHashes
from kolla.errors import InputError
from kolla.state.derive import desire
from kolla.state.desired import DesiredContainer


def report(world: World) -> BuildReport:
    """The report of images of which keystone's holds two distributions, and notes' is built from it."""
    found = world.report
    inputs = InputHashes(
        dockerfile="", files={}, images={}, python={"keystone": "29.0", "oslo-db": "1.0"}, packages=""
    )
    images = dict(found.images)
    images["keystone"] = images["keystone"].model_copy(update={"inputs": inputs})
    images["notes"] = images["notes"].model_copy(update={"parent": "keystone"})
    return found.model_copy(update={"images": images})


def container(world: World, name: str) -> DesiredContainer:
    desired = desire(world.settings, report(world), world.facts)
    return next(found for found in desired.containers if found.name == name)


def set_checkouts(world: World, text: str) -> None:
    world.globals["development_checkouts"] = yaml.safe_load(text)


@pytest.mark.parametrize("name", ["keystone", "notes"])
def test_containers_run_from_a_checkout_of_what_their_image_holds(world: World, name: str) -> None:
    set_checkouts(world, "{Oslo.db: /home/me/oslo.db, keystone: /home/me/keystone}")
    spec = container(world, name).spec
    seen = {m.target: (m.source, m.read_only) for m in spec.mounts if "checkouts" in m.target}
    assert seen == {
        "/var/lib/kolla/checkouts/keystone": ("/home/me/keystone", True),
        "/var/lib/kolla/checkouts/oslo-db": ("/home/me/oslo.db", True),
    }
    assert spec.environment["PYTHONPATH"] == (
        "/var/lib/kolla/checkouts/keystone:/var/lib/kolla/checkouts/keystone/src:"
        "/var/lib/kolla/checkouts/oslo-db:/var/lib/kolla/checkouts/oslo-db/src"
    )


def test_other_containers_do_not_see_it(world: World) -> None:
    before = container(world, "memcached").spec
    set_checkouts(world, "{keystone: /home/me/keystone}")
    assert container(world, "memcached").spec == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{keystoen: /home/me/keystone}", "did you mean 'keystone'"),
        ("{keystone: home/keystone}", "no absolute path"),
    ],
)
def test_a_checkout_that_cannot_be_is_refused(world: World, text: str, message: str) -> None:
    set_checkouts(world, text)
    with pytest.raises(InputError) as caught:
        container(world, "keystone")
    assert message in str(caught.value)
    assert "globals.yml" in str(caught.value)
