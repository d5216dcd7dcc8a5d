"""Canaries: plans as text, what waits for what, and what somebody may ask for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_upgrade import NEWER, OLDER, go_to, upgrade
from world import World

from kolla.ansible import plays
from kolla.errors import InputError
from kolla.settings.inventory import Inventory
from kolla.state import canary, explain
from kolla.state.canary_request import CanaryRequest, duration
from kolla.state.desired import Desired
from kolla.state.host_state import HostState
from kolla.state.plan import ContainerOperation, JobOperation, Plan, SoakOperation
from kolla.state.reconcile import reconcile

CONTROL, COMPUTE = ("control1", "control2", "control3"), ("compute1", "compute2", "compute3")
HOSTS = (*CONTROL, *COMPUTE)


@pytest.fixture
def three(tmp_path: Path) -> World:
    """Three hosts that run the same, and a setting that changed since."""
    world = World(tmp_path, hosts=("one", "two", "three"))
    world.carry_out(reconcile(world.desired, world.states))
    world.override("keystone.conf", "[token]\nexpiration = 60\n")
    return world


def changed(world: World, hosts: tuple[str, ...], soak: int = 60) -> Plan:
    desired = world.desired
    return canary.with_canary(reconcile(desired, world.states), desired, world.states, hosts, soak)


def test_a_change_of_settings(three: World) -> None:
    assert (
        explain.text(changed(three, ("two",)))
        == """\
Plan for cloud 'kolla': 5 operations on 3 hosts

canary on two
  1. keystone on two before keystone on one, three

two
  ~ restart container keystone
      keystone.conf: [token] expiration 3600 -> 60, set by config/keystone.conf
      first, as canary 1: one, three follow
      impact: endpoint keystone is served by other hosts meanwhile
  ? watch canary-1
      keystone must stay healthy for 60 s, then one, three follow

one
  > run job keystone/check-token/canary-1
      canary 1: keystone on two (A token is issued to the administrator through the public
        endpoint.)
  ~ restart container keystone
      keystone.conf: [token] expiration 3600 -> 60, set by config/keystone.conf
      impact: endpoint keystone is served by other hosts meanwhile

three
  ~ restart container keystone
      keystone.conf: [token] expiration 3600 -> 60, set by config/keystone.conf
      impact: endpoint keystone is served by other hosts meanwhile

5 operations on 3 hosts.
Endpoints interrupted: none.
Served by other hosts meanwhile: keystone.
Running servers and their networks: not touched."""
    )


def test_programs_read_what_waits_for_what(three: World) -> None:
    plan = changed(three, ("two",), soak=5)
    assert plan.model_dump(mode="json")["canary"] == {
        "hosts": ["two"],
        "soak": 5,
        "waves": [
            {
                "first": ["container:keystone@two"],
                "judges": ["job:keystone/check-token/canary-1@one", "soak:canary-1@two"],
                "waiting": ["container:keystone@one", "container:keystone@three"],
            }
        ],
        "warnings": [],
    }
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert [list(step) for step in plays.steps(plan)] == [["two"], ["one"], ["two"], ["one"], ["three"]]
    (soak,) = (operation for operation in plan.operations if isinstance(operation, SoakOperation))
    assert (soak.containers, soak.seconds) == (("keystone",), 5)


def test_a_canary_that_was_interrupted_is_watched_when_one_goes_on(three: World) -> None:
    plan = changed(three, ("two",))
    three.carry_out(plan.model_copy(update={"operations": plan.operations[:1]}))
    rest = changed(three, ("two",))
    assert [o.id for o in rest.operations] == [
        "job:keystone/check-token/canary-1@one",
        "soak:canary-1@two",
        "container:keystone@one",
        "container:keystone@three",
    ]
    assert "as the settings say already: keystone" in explain.text(rest)
    assert "1. what is so already before keystone on one, three" in explain.text(rest)


def test_after_a_canary_nothing_is_left_to_do(three: World) -> None:
    three.carry_out(changed(three, ("two",)))
    assert not changed(three, ("two",))


def test_a_container_of_one_host_has_none_and_the_plan_says_so(three: World) -> None:
    three.groups["mariadb"] = ("one",)
    three.carry_out(reconcile(three.desired, three.states))
    three.image_ids["mariadb"] = "sha256:another"
    plan = changed(three, ("one",))
    assert plan.canary and plan.canary.warnings == ("without a canary: mariadb: only host one has it",)
    assert "  without a canary: mariadb: only host one has it" in explain.text(plan)


@pytest.mark.parametrize(
    ("hosts", "warning"),
    [
        (("one", "two", "three"), "without a canary: keystone: all hosts that have it are the canary's"),
        ((), "without a canary: keystone: none of the canary's hosts has it"),
    ],
)
def test_other_reasons_to_have_none(three: World, hosts: tuple[str, ...], warning: str) -> None:
    three.override("keystone.conf", "[token]\nexpiration = 61\n")
    plan = changed(three, hosts)
    assert plan.canary and (plan.canary.waves, plan.canary.warnings) == ((), (warning,))
    assert {o.kind for o in plan.operations} == {"container"}


def test_a_first_deploy_has_nothing_to_compare_with(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=("one", "two"))
    plan = changed(world, ("one",))
    assert plan.canary and (plan.canary.waves, plan.canary.warnings) == ((), ())
    assert waves(plan) == ["canary on one", "  nothing waits for it"]


def test_nothing_to_do_has_no_canary(three: World) -> None:
    three.carry_out(changed(three, ("two",)))
    assert changed(three, ("two",)).canary is None


def test_a_part_of_what_has_to_wait_is_not_changed_before(three: World) -> None:
    """A job of the service that the canary does not need comes after it; one that it needs, before."""
    three.image_ids["keystone"] = "sha256:keystone-new"
    plan = changed(three, ("two",))
    order = before(plan)
    assert "soak:canary-1@two" in order["job:keystone/bootstrap@one"]
    assert "job:keystone/db-sync@one" in order["container:keystone@two"]
    assert "soak:canary-1@two" not in order["image:keystone@one"]


@dataclass(frozen=True, repr=False)
class Case:
    """A plan without a canary, of a cloud of three controllers and three compute hosts."""

    plan: Plan
    desired: Desired
    states: Mapping[str, HostState]

    def with_canary(self, hosts: Collection[str]) -> Plan:
        chosen = tuple(host for host in HOSTS if host in hosts)
        return canary.with_canary(self.plan, self.desired, self.states, chosen, 60)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """A change of settings, and an upgrade."""
    world = World(tmp_path_factory.mktemp("canary"), hosts=HOSTS)
    first = CONTROL[:1]
    world.groups = {"control": CONTROL, "network": CONTROL, "compute": COMPUTE}
    world.groups |= {"ovn-database": first, "mariadb": first}
    for service in ("glance", "placement", "nova", "neutron", "ovn", "openvswitch"):
        world.globals.pop(f"enable_{service}", None)
    go_to(world, OLDER)
    world.carry_out(reconcile(world.desired, world.states))
    world.override("nova.conf", "[DEFAULT]\ndebug = true\n")
    desired = world.desired
    deploy = Case(reconcile(desired, world.states), desired, dict(world.states))
    (world.directory / "config" / "nova.conf").unlink()
    go_to(world, NEWER)
    plan, desired = upgrade(world)
    return {"deploy": deploy, "upgrade": Case(plan, desired, dict(world.states))}


def waves(plan: Plan) -> list[str]:
    """What the plan's text says of the canary."""
    return explain.text(plan).split("\n\n")[1].splitlines()


def test_the_controller_then_the_compute_host(cases: dict[str, Case]) -> None:
    assert waves(cases["deploy"].with_canary(("control1", "compute1"))) == [
        "canary on control1, compute1",
        "  1. nova-api, nova-metadata, nova-novncproxy, nova-conductor, nova-scheduler on control1 before",
        "    nova-api, nova-metadata, nova-novncproxy, nova-conductor, nova-scheduler on control2, control3",
        "  2. nova-compute on compute1 before nova-compute on compute2, compute3",
    ]


def test_a_check_of_canaries_is_run_for_each_host_that_has_the_container(cases: dict[str, Case]) -> None:
    case = cases["deploy"]
    plan = case.with_canary(("compute1", "compute2"))
    jobs = {o.id: o for o in plan.operations if isinstance(o, JobOperation) and "check-boot" in o.job}
    # It is told the name a host gives itself, and done where the service is, not on the compute host.
    assert {id_: job.spec.environment["KOLLA_ARGUMENT"] for id_, job in jobs.items()} == {
        "job:nova/check-boot-compute1/canary-1@control1": "compute1.example",
        "job:nova/check-boot-compute2/canary-1@control1": "compute2.example",
    }
    assert len({job.spec.name for job in jobs.values()}) == 2
    assert all(file.sha256 in case.desired.bundle() for job in jobs.values() for file in job.folder.files)
    assert set(jobs) <= before(plan)["container:nova-compute@compute3"]
    assert not any(job.name.startswith("nova/check-boot") for job in case.desired.checks)


def test_an_upgrade_has_a_wave_for_each_layer_of_services(cases: dict[str, Case]) -> None:
    assert waves(cases["upgrade"].with_canary(("control1", "compute1"))) == UPGRADE.splitlines()


UPGRADE = """\
canary on control1, compute1
  1. haproxy, kolla-toolbox, memcached, openvswitch-db, keepalived, rabbitmq, openvswitch-vswitchd,
    ovn-controller on control1; openvswitch-db, openvswitch-vswitchd, ovn-controller on compute1
    before haproxy, kolla-toolbox, memcached, openvswitch-db, keepalived, rabbitmq,
    openvswitch-vswitchd, ovn-controller on control2, control3; openvswitch-db,
    openvswitch-vswitchd, ovn-controller on compute2, compute3
  2. keystone, notes on control1 before keystone, notes on control2, control3
  3. placement-api on control1 before placement-api on control2, control3
  4. nova-conductor, nova-novncproxy, nova-scheduler, nova-api, nova-metadata on control1 before
    nova-conductor, nova-novncproxy, nova-scheduler, nova-api, nova-metadata on control2, control3
  5. nova-libvirt, nova-ssh on compute1; neutron-server, neutron-ovn-maintenance-worker,
    neutron-periodic-worker, neutron-rpc-server on control1 before nova-libvirt, nova-ssh on
    compute2, compute3; neutron-server, neutron-ovn-maintenance-worker, neutron-periodic-worker,
    neutron-rpc-server on control2, control3
  6. neutron-ovn-metadata-agent, nova-compute on compute1 before neutron-ovn-metadata-agent,
    nova-compute on compute2, compute3
  without a canary: ovn-nb-db, ovn-sb-db, mariadb, ovn-northd, glance-api: only host control1 has it"""


def test_of_a_percentage_the_first_hosts_are_changed_one_after_the_other(cases: dict[str, Case]) -> None:
    plan = cases["deploy"].with_canary(("compute1", "compute2"))
    order = before(plan)
    assert "container:nova-compute@compute1" in order["container:nova-compute@compute2"]
    assert {"soak:canary-1@compute1", "soak:canary-1@compute2"} <= order["container:nova-compute@compute3"]


def before(plan: Plan) -> dict[str, set[str]]:
    """Operation -> all it waits for, directly or not."""
    found: dict[str, set[str]] = {}
    for operation in plan.operations:
        found[operation.id] = set(operation.after).union(*(found[id_] for id_ in operation.after))
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["deploy", "upgrade"]), st.sets(st.sampled_from(HOSTS), min_size=1))
def test_the_canary_precedes_all_others(cases: dict[str, Case], which: str, hosts: set[str]) -> None:
    case = cases[which]
    plan = case.with_canary(hosts)
    order, known = before(plan), {operation.id: operation for operation in plan.operations}
    containers = [o for o in plan.operations if isinstance(o, ContainerOperation)]
    assert plan.canary
    for other in containers:
        firsts = [o.id for o in containers if o.spec.name == other.spec.name and o.host in hosts]
        if other.host not in hosts:
            assert set(firsts) <= order[other.id]
            judged = [wave for wave in plan.canary.waves if other.id in wave.waiting]
            assert len(judged) == bool(firsts)
            assert all({*wave.first, *wave.judges} <= order[other.id] for wave in judged)
    # Nothing is lost, and what services say of their order holds as before.
    for operation in case.plan.operations:
        same = known[operation.id]
        assert {"causes", "after"} >= {
            field for field in type(same).model_fields if getattr(same, field) != getattr(operation, field)
        }
        for waited in operation.after:
            both = (known[waited], same)
            alike = (
                all(isinstance(o, ContainerOperation) for o in both)
                and both[0].id.split("@")[0] == (both[1].id.split("@")[0])
            )
            assert alike or waited in same.after
    added = [o for id_, o in known.items() if id_ not in {o.id for o in case.plan.operations}]
    judges = {o.id for o in added if isinstance(o, SoakOperation | JobOperation)}
    assert judges == {id_ for wave in plan.canary.waves for id_ in wave.judges}
    assert {o.kind for o in added if o.id not in judges} <= {"image"}
    assert plays.steps(plan)


def failure(operation: str, status: str = "failed") -> dict[str, str]:
    return {"operation": operation, "status": status}


def test_which_wave_failed(cases: dict[str, Case]) -> None:
    plan = cases["deploy"].with_canary(("control1", "compute1"))
    assert plan.canary
    first, second = plan.canary.waves
    assert canary.failed(plan, [failure("soak:canary-2@compute1")]) == second
    assert canary.failed(plan, [failure("container:nova-api@control1"), failure("x", "blocked")]) == first
    assert canary.failed(plan, [failure("container:nova-api@control2")]) is None
    assert canary.failed(plan, [failure("soak:canary-1@control1", "blocked")]) is None
    assert canary.failed(cases["deploy"].plan, [failure("container:nova-api@control1")]) is None


def test_the_way_back_of_some_containers_takes_what_they_need_and_no_other_container(
    cases: dict[str, Case],
) -> None:
    plan = cases["upgrade"].plan
    found = canary.only(plan, ["container:keystone@control1"])
    ids = [operation.id for operation in found.operations]
    assert "image:keystone@control1" in ids and "job:keystone/db-expand@control1" in ids
    assert [id_ for id_ in ids if id_.startswith("container:")] == ["container:keystone@control1"]
    assert not canary.only(plan, [])


INVENTORY = Inventory.parse(
    {
        "control": {"hosts": list(CONTROL)},
        "compute": {"hosts": [f"compute{number}" for number in range(1, 26)]},
        "storage": {},
        "all": {"children": ["control", "compute", "storage"]},
    }
)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (("compute2", "control3"), ("control3", "compute2")),
        (("compute:10%",), ("compute1", "compute2")),
        (("compute:1%", "control:34%"), ("control1", "compute1")),
        (("control:100%", "control1"), CONTROL),
    ],
)
def test_hosts_of_a_canary(places: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert canary.resolved(CanaryRequest(places), INVENTORY, INVENTORY.hosts) == expected


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("compuet1", "there is no host 'compuet1'\n  hint: did you mean 'compute1'?"),
        ("compute", "there is no host 'compute'\n  hint: it is a group; name a part of it: compute:10%"),
        ("controll:5%", "there is no group 'controll'\n  hint: did you mean 'control'?"),
        ("compute:0%", "'0%' is no part of a group\n  expected: 1% to 100%"),
        ("compute:101%", "'101%' is no part of a group"),
        ("compute:2", "'2' is no part of a group"),
        ("compute:", "'' is no part of a group"),
        ("storage:10%", "group 'storage' has no host"),
    ],
)
def test_no_hosts_of_a_canary(place: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        canary.resolved(CanaryRequest((place,)), INVENTORY, INVENTORY.hosts)
    assert f"--canary: {said}" in str(caught.value)


def test_a_percentage_is_of_the_whole_group_whatever_the_limit() -> None:
    limit = ("compute1", "compute2", "compute9")
    assert canary.resolved(CanaryRequest(("compute:10%",)), INVENTORY, limit) == ("compute1", "compute2")
    with pytest.raises(InputError, match="--canary: --limit leaves out control1"):
        canary.resolved(CanaryRequest(("control1",)), INVENTORY, limit)


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("90", 90), ("90s", 90), ("10m", 600), ("1h", 3600)])
def test_durations(text: str, seconds: int) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-1", "1.5m", "1d", "ten", "1m30s"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration; write 90, 90s, 10m or 1h"):
        duration(text)
