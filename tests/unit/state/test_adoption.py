"""Plans that take a cloud over from Kolla-Ansible."""

from __future__ import annotations

from typing import Any

import pytest
from world import World

from kolla.errors import InputError
from kolla.state import adoption, explain, requirements
from kolla.state.plan import ContainerOperation, Plan, VolumeOperation
from kolla.state.reconcile import fingerprint, reconcile

IMAGES = {
    name: f"quay.io/openstack.kolla/{image}:2026.1-debian-trixie"
    for name, image in {
        "fluentd": "fluentd",
        "haproxy": "haproxy",
        "keystone": "keystone",
        "mariadb": "mariadb-server",
        "proxysql": "proxysql",
    }.items()
}


@pytest.fixture
def theirs(world: World) -> World:
    """One host with a cloud of that tool's on it, to be taken over."""
    world.globals["adopt_containers"] = True
    unclaimed = ("keystone_fernet_tokens", "kolla_logs", "mariadb")
    world.states["one"] = world.states["one"].model_copy(
        update={
            "foreign": tuple(IMAGES),
            "predecessors": IMAGES,
            "unclaimed": unclaimed,
            "images": tuple(f"sha256:{name}" for name in world.report.images),
        }
    )
    return world


def plan(world: World, *services: str) -> Plan:
    return reconcile(world.desired, world.states, services=services or None)


def carry_out(world: World, made: Plan) -> None:
    """As the host does it: what made way is gone, what was adopted is claimed."""
    world.carry_out(made)
    state = world.states["one"]
    gone = {n for o in made.operations if isinstance(o, ContainerOperation) for n in o.replaces}
    predecessors = {n: image for n, image in state.predecessors.items() if n not in gone}
    unclaimed = tuple(volume for volume in state.unclaimed if volume not in state.volumes)
    changes: dict[str, Any] = {"predecessors": predecessors, "unclaimed": unclaimed}
    world.states["one"] = state.model_copy(update=changes)


def test_one_service_is_taken_over_and_the_plan_says_how(theirs: World) -> None:
    operations = plan(theirs, "mariadb").operations
    assert [explain.title(operation) for operation in operations] == [
        "adopt volume kolla_logs",
        "adopt volume mariadb",
        "run job mariadb/takeover",
        "run job mariadb/bootstrap",
        "adopt container mariadb",
        "run job mariadb/upgrade",
    ]
    assert operations[1].causes == ("it keeps its data",)
    image = "quay.io/openstack.kolla/mariadb-server:2026.1-debian-trixie"
    assert operations[4].causes == (f"takes the place of Kolla-Ansible's mariadb ({image})",)
    assert operations[4].impact.interrupted == ("mariadb",)


def test_a_container_may_take_the_place_of_several(theirs: World) -> None:
    (haproxy,) = (o for o in plan(theirs, "haproxy").operations if isinstance(o, ContainerOperation))
    assert (haproxy.action, haproxy.replaces) == ("adopt", ("haproxy", "proxysql"))
    assert len(haproxy.causes) == 2


def test_service_by_service_until_nothing_is_left_to_do(theirs: World) -> None:
    for service in ("mariadb", "haproxy", "keystone"):
        carry_out(theirs, plan(theirs, service))
        assert not plan(theirs, service)
    carry_out(theirs, plan(theirs))
    assert not plan(theirs)
    assert theirs.states["one"].predecessors == {"fluentd": IMAGES["fluentd"]}


def test_a_takeover_cut_short_is_planned_again(theirs: World) -> None:
    state = theirs.states["one"]
    carry_out(theirs, plan(theirs, "mariadb"))
    left = {**theirs.states["one"].predecessors, "mariadb": IMAGES["mariadb"]}  # set aside, not removed yet
    theirs.states["one"] = theirs.states["one"].model_copy(update={"predecessors": left})
    (operation,) = plan(theirs, "mariadb").operations
    assert isinstance(operation, ContainerOperation) and operation.action == "adopt"
    assert state.predecessors["mariadb"] in operation.causes[0]


def test_without_the_setting_all_that_is_a_strangers(theirs: World) -> None:
    theirs.globals["adopt_containers"] = False
    operations = plan(theirs).operations
    assert not any(o.adopt for o in operations if isinstance(o, VolumeOperation))
    assert {o.action for o in operations if isinstance(o, ContainerOperation)} == {"create"}
    found = {f["subject"]: f for f in adoption.findings(theirs.desired, theirs.states)}
    assert not found["keystone"]["ok"] and "kolla adopt" in found["keystone"]["hint"]
    assert found["fluentd"]["ok"]


def test_prechecks_tell_what_stays_and_count_ports_of_what_makes_way_as_free(theirs: World) -> None:
    found = {f["subject"]: f for f in adoption.findings(theirs.desired, theirs.states)}
    assert all(f["ok"] for f in found.values())
    assert [name for name, f in found.items() if f["warning"]] == ["fluentd"]
    request = requirements.requests(theirs.desired, theirs.states, theirs.report, theirs.facts)["one"]
    assert request["makes_way"] == ["haproxy", "keystone", "mariadb", "proxysql"]


def test_files_of_root_become_those_of_the_user_who_works_in_the_volume(theirs: World) -> None:
    volumes = {o.volume: o for o in plan(theirs).operations if isinstance(o, VolumeOperation)}
    assert volumes["mariadb"].owner == 42434
    assert volumes["kolla_logs"].owner == 0, "several users work there"
    assert not volumes["keystone_credential_keys"].adopt, "there is none of theirs"


def test_plans_depend_on_what_is_there_to_take_over(theirs: World) -> None:
    before = fingerprint(theirs.states)
    theirs.states["one"] = theirs.states["one"].model_copy(update={"unclaimed": ()})
    assert fingerprint(theirs.states) != before


def test_a_volume_may_be_another_one_or_a_directory(theirs: World) -> None:
    theirs.globals["volume_names"] = {"mariadb": "old_data", "rabbitmq": "/srv/rabbitmq"}
    mounts = {m.target: m for c in theirs.desired.containers for m in c.spec.mounts}
    assert (mounts["/var/lib/mysql"].type, mounts["/var/lib/mysql"].source) == ("volume", "old_data")
    assert (mounts["/var/lib/rabbitmq"].type, mounts["/var/lib/rabbitmq"].source) == ("bind", "/srv/rabbitmq")
    volumes = {volume for job in theirs.desired.jobs for _, volume in job.volumes}
    assert "old_data" in volumes and not volumes & {"mariadb", "/srv/rabbitmq"}
    theirs.carry_out(plan(theirs))
    assert not [o for o in plan(theirs).operations if isinstance(o, VolumeOperation)]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"mariabd": "x1"}, "no service has a volume 'mariabd'\n  hint: did you mean 'mariadb'?"),
        ({"mariadb": "a b"}, "'a b' is no place for volume 'mariadb'"),
        ({"mariadb": 3}, "'3' is no place for volume 'mariadb'"),
    ],
)
def test_places_of_volumes_are_checked(theirs: World, names: dict[str, Any], message: str) -> None:
    theirs.globals["volume_names"] = names
    with pytest.raises(InputError) as caught:
        _ = theirs.desired
    assert message in str(caught.value)
    assert "globals.yml:" in str(caught.value)
