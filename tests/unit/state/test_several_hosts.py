"""Three hosts that run the same: what waits for whom, and what happens to the first of them."""

from __future__ import annotations

from world import World

from kolla.state.demand import told
from kolla.state.desired import DesiredJob
from kolla.state.plan import ContainerOperation, JobOperation
from kolla.state.prechecks import limits
from kolla.state.reconcile import reconcile
from kolla.state.replacement import Asked, replaced, weighed

HOSTS = ("one", "two", "three")
BUS = "rabbitmq"


def emptied(world: World, host: str) -> None:
    """A host is replaced by an empty one of its name."""
    world.states[host] = world.states[host].model_copy(
        update={"containers": {}, "volumes": {}, "jobs": {}, "folders": {}, "given": {}}
    )


def of_bus(world: World) -> list[ContainerOperation]:
    operations = reconcile(world.desired, world.states).operations
    return [o for o in operations if isinstance(o, ContainerOperation) and o.spec.name == BUS]


def test_those_that_do_not_run_are_started_at_the_same_time(three: World) -> None:
    for host in HOSTS:
        state = three.states[host]
        stopped = state.containers[BUS].model_copy(update={"state": "exited"})
        three.states[host] = state.model_copy(update={"containers": {**state.containers, BUS: stopped}})
    ids = {operation.id for operation in of_bus(three)}
    assert len(ids) == len(HOSTS)
    assert not any(ids & set(operation.after) for operation in of_bus(three))


def test_those_that_run_are_restarted_one_after_the_other(three: World) -> None:
    three.override("rabbitmq/rabbitmq.conf", "vm_memory_high_watermark.relative = 0.3\n")
    operations = of_bus(three)
    waits = [sorted(set(o.after) & {other.id for other in operations}) for o in operations]
    assert [len(each) for each in waits] == [0, 1, 1]


def test_jobs_of_a_first_host_that_was_replaced_are_done_again_there(three: World) -> None:
    emptied(three, "one")
    jobs = {o.id: o.causes for o in reconcile(three.desired, three.states).operations if o.kind == "job"}
    assert jobs["job:keystone/bootstrap@one"] == ("it has not been done",)
    assert not [id_ for id_ in jobs if id_.endswith("@two")]


def test_jobs_of_a_first_host_that_is_left_out_are_not_done_elsewhere(three: World) -> None:
    three.image_ids["keystone"] = "sha256:newer"
    states = {host: three.states[host] for host in HOSTS[1:]}
    ids = [o.id for o in reconcile(three.desired, states).operations]
    assert "container:keystone@two" in ids
    assert not [id_ for id_ in ids if "db-sync" in id_]
    again = {o.id for o in reconcile(three.desired, three.states).operations}
    assert "job:keystone/db-sync@one" in again


def test_jobs_move_to_the_next_host_when_the_first_leaves_the_group(three: World) -> None:
    three.groups["keystone"] = HOSTS[1:]
    ids = [o.id for o in reconcile(three.desired, three.states).operations]
    assert "job:keystone/bootstrap@two" in ids
    assert "job:keystone/seed-keys@two" not in ids


def test_who_stays_hears_of_a_member_that_leaves(three: World) -> None:
    three.groups[BUS] = HOSTS[:2]
    ids = [o.id for o in reconcile(three.desired, three.states).operations]
    assert {"remove:rabbitmq@three", "job:rabbitmq/members@one", "job:rabbitmq/members@two"} <= set(ids)


def test_a_verb_about_one_host_leaves_the_others_and_who_uses_them_alone(three: World) -> None:
    services = {folder.name: folder.service for folder in three.settings.services}
    name, desired = "rabbitmq-reset", three.desired

    def named(job: str) -> list[DesiredJob]:
        return [each for each in desired.verbs if each.name == f"rabbitmq/{job}" and each.host == "two"]

    asked = Asked(name, services[BUS].verbs[name], services[BUS], [*services.values()])
    plan = replaced(desired, named(f"verb-{name}"), three.states, asked, named(f"before-{name}"))
    assert [operation.id for operation in plan.operations] == [
        "job:rabbitmq/before-rabbitmq-reset@two",
        "stop:rabbitmq@two",
        "job:rabbitmq/verb-rabbitmq-reset@two",
        "job:rabbitmq/takeover@two",
        "container:rabbitmq@two",
        "job:rabbitmq/members@two",
    ]
    three.carry_out(plan)
    assert not reconcile(desired, three.states).operations


def database_of_three(world: World) -> None:
    """Its volumes have something in them."""
    world.groups["mariadb"] = HOSTS
    world.carry_out(reconcile(world.desired, world.states))


def ids(world: World, *kinds: str) -> list[str]:
    operations = reconcile(world.desired, world.states).operations
    return [o.id for o in operations if o.service == "mariadb" and o.kind in (kinds or ("job", "container"))]


def test_a_database_grows_from_the_host_that_has_it(three: World) -> None:
    three.groups["mariadb"] = HOSTS
    operations = {o.id: o for o in reconcile(three.desired, three.states).operations}
    founder = "container:mariadb@one"
    assert "job:mariadb/bootstrap@one" in operations[founder].after
    assert operations["job:mariadb/bootstrap@one"].causes == ("its own configuration changed",)
    for host in HOSTS[1:]:
        assert founder in operations[f"container:mariadb@{host}"].after
        assert f"job:mariadb/bootstrap@{host}" not in operations
        assert f"job:mariadb/upgrade@{host}" in operations
    three.carry_out(reconcile(three.desired, three.states))
    assert not reconcile(three.desired, three.states).operations


def test_a_member_of_the_database_without_data_waits_for_the_others_and_makes_none(three: World) -> None:
    database_of_three(three)
    emptied(three, "one")
    assert sorted(ids(three, "job")) == [
        "job:mariadb/bootstrap@two",
        "job:mariadb/takeover@one",
        "job:mariadb/upgrade@one",
    ]
    assert ids(three, "container") == ["container:mariadb@one"]
    three.carry_out(reconcile(three.desired, three.states))
    assert not reconcile(three.desired, three.states).operations


def test_a_first_member_that_only_lost_its_volume_leaves_nothing_to_do_either(three: World) -> None:
    """It has a record of having made the data, of which the others have all."""
    database_of_three(three)
    state = three.states["one"]
    containers = {name: c for name, c in state.containers.items() if name != "mariadb"}
    volumes = {name: epoch for name, epoch in state.volumes.items() if name != "mariadb"}
    three.states["one"] = state.model_copy(update={"containers": containers, "volumes": volumes})
    assert "job:mariadb/bootstrap@two" in ids(three, "job")
    three.carry_out(reconcile(three.desired, three.states))
    assert not reconcile(three.desired, three.states).operations


def test_members_of_the_database_are_changed_one_after_the_other(three: World) -> None:
    database_of_three(three)
    three.override("mariadb/my.cnf", "[mariadbd]\nmax_connections = 500\n")
    operations = [o for o in reconcile(three.desired, three.states).operations if o.kind == "container"]
    waits = [len(set(o.after) & {other.id for other in operations}) for o in operations]
    assert waits == [0, 1, 1]


def recovery(world: World, step: str, host: str = "") -> list[DesiredJob]:
    jobs = [job for job in world.desired.verbs if job.name == f"mariadb/{step}-mariadb-recovery"]
    return [told(job, host) for job in jobs] if host else jobs


def test_a_verb_that_chooses_stops_and_asks_all_before_it_does_anything(three: World) -> None:
    database_of_three(three)
    services = {folder.name: folder.service for folder in three.settings.services}
    name, service = "mariadb-recovery", services["mariadb"]
    asked = Asked(name, service.verbs[name], service, [*services.values()])
    plan = weighed(three.desired, recovery(three, "choice"), three.states, asked, recovery(three, "before"))
    order = [o.id.partition(":")[2] for o in plan.operations if "mariadb" in o.id]
    assert set(order[:3]) == {f"mariadb/before-mariadb-recovery@{host}" for host in HOSTS}
    assert set(order[3:6]) == {f"mariadb@{host}" for host in HOSTS}
    assert set(order[6:]) == {f"mariadb/choice-mariadb-recovery@{host}" for host in HOSTS}
    stopped = {o.id for o in plan.operations if o.id.startswith("stop:")}
    assert "stop:keystone@three" in stopped
    assert all(stopped <= set(o.after) for o in plan.operations if "/choice-" in o.id)
    three.carry_out(plan)

    then = replaced(three.desired, recovery(three, "verb", "two"), three.states, asked)
    done = [o for o in then.operations if isinstance(o, JobOperation)]
    assert {o.id for o in done} == {f"job:mariadb/verb-mariadb-recovery@{host}" for host in HOSTS}
    assert not any(o.renews for o in done)  # it is the data there was, so nothing is done for it again
    started = [o for o in then.operations if o.id.startswith("container:mariadb@")]
    assert len(started) == len(HOSTS)
    assert all({o.id for o in done} <= set(o.after) for o in started)
    three.carry_out(then)
    assert not reconcile(three.desired, three.states).operations


def test_images_in_files_are_served_by_one_host_unless_all_see_them(three: World) -> None:
    three.globals["enable_glance"] = True
    where = [c.host for c in three.desired.containers if c.service == "glance"]
    assert where == ["one"]
    warned = {f["host"]: f["message"] for f in limits(three.settings, HOSTS) if f["subject"] == "glance"}
    assert sorted(warned) == ["three", "two"]
    assert "on one alone: images are files there" in warned["two"]
    three.globals |= {"glance_file_shared": True, "volume_names": {"glance": "/srv/images"}}
    assert [c.host for c in three.desired.containers if c.service == "glance"] == list(HOSTS)
    assert not limits(three.settings, HOSTS)
