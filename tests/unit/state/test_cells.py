"""Several cells of servers: what each has of its own, and that it changes nothing where there is one."""

from __future__ import annotations

import configparser
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_upgrade import NEWER, OLDER, finish, go_to, upgrade
from world import World

from kolla.catalogue import sets
from kolla.catalogue.upgrades import Stage, at
from kolla.errors import InputError
from kolla.state.desired import Desired, DesiredContainer, DesiredJob
from kolla.state.explain import text
from kolla.state.plan import Plan
from kolla.state.reconcile import reconcile
from kolla.state.topology import Topology

CORE = ("glance", "neutron", "nova", "openvswitch", "ovn", "placement")
CELL = {"name": "rack-2", "compute_group": "rack2"}
AFTER_A_CELL = {"nova-api", "nova-conductor", "nova-metadata", "nova-scheduler"}
"""Who looks into all cells, and learns of another one when it starts."""


def cloud(directory: Path, *cells: dict[str, object]) -> World:
    world = World(directory, ("one", "two", "three"))
    world.globals |= {f"enable_{name}": True for name in CORE}
    world.groups |= {
        "control": ("one",),
        "compute": ("two", "three"),
        "deployment": ("one",),
        "network": ("one",),
        "rack2": ("three",),
    }
    if cells:
        world.globals["nova_cells"] = list(cells)
    return world


@pytest.fixture
def two(tmp_path: Path) -> World:
    return cloud(tmp_path, CELL)


def container(desired: Desired, name: str, host: str) -> DesiredContainer:
    return next(each for each in desired.containers if (each.name, each.host) == (name, host))


def job(desired: Desired, name: str) -> DesiredJob:
    return next(each for each in desired.jobs if each.name == name)


def configuration(node: DesiredContainer) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(node.config.files["nova.conf"].merged.text)
    return parser


def job_ids(plan: Plan) -> set[str]:
    return {each.id for each in plan.operations if each.kind == "job"}


def content(node: DesiredJob, file: str) -> Any:
    return json.loads(node.config.files[file].merged.text)


def everything(desired: Desired) -> dict[str, object]:
    """Every node, down to the bytes of its files."""
    return {
        node.id: (node.spec, node.after, {name: file.content for name, file in node.config.files.items()})
        for node in desired.nodes
    }


def test_no_cells_are_the_cloud_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    silent, said = cloud(tmp_path / "a"), cloud(tmp_path / "b")
    said.globals["nova_cells"] = []
    assert everything(silent.desired) == everything(said.desired)
    files = {name: file.content for node in silent.desired.nodes for name, file in node.config.files.items()}
    assert "cells.json" not in files
    assert not any(b"nova-cell" in content for content in files.values())
    databases = content(job(silent.desired, "nova/databases"), "databases.json")
    assert (list(databases), [each["name"] for each in databases["cells"]]) == (["cells"], ["cell0", "cell1"])
    assert not any(
        "nova-cell" in node or "rabbitmq/message-bus-" in node for node in everything(silent.desired)
    )


def test_a_cell_changes_what_is_its_own_and_who_looks_into_all(two: World) -> None:
    del two.globals["nova_cells"]
    two.carry_out(reconcile(two.desired, two.states))
    two.globals["nova_cells"] = [CELL]
    plan = reconcile(two.desired, two.states)
    touched = {each.id for each in plan.operations if each.id.startswith("container:")}
    assert touched == {
        "container:haproxy@one",
        "container:nova-cell-conductor-rack-2@one",
        "container:nova-cell-novncproxy-rack-2@one",
        "container:nova-compute@three",
        *(f"container:{name}@one" for name in AFTER_A_CELL),
    }
    assert "create container nova-cell-conductor-rack-2" in " ".join(text(plan).split())
    two.carry_out(plan)
    assert reconcile(two.desired, two.states).operations == ()


def test_a_cell_has_a_database_a_virtual_host_and_a_conductor_of_its_own(two: World) -> None:
    conductor = configuration(container(two.desired, "nova-cell-conductor-rack-2", "one"))
    assert conductor["database"]["connection"].startswith("mysql+pymysql://nova_rack_2:")
    assert conductor["database"]["connection"].endswith("/nova_rack_2")
    assert conductor["DEFAULT"]["transport_url"].endswith("/nova_rack_2")
    made = content(job(two.desired, "mariadb/database-nova"), "database.json")["databases"]
    by_name = {each["name"]: each for each in made}
    assert (
        by_name["nova_rack_2"]["password"] == by_name["nova"]["password"] != by_name["nova_api"]["password"]
    )
    vhosts = job(two.desired, "rabbitmq/message-bus-nova")
    assert content(vhosts, "vhosts.json") == {"user": "openstack", "vhosts": ["nova_rack_2"]}
    assert vhosts.id in container(two.desired, "nova-cell-conductor-rack-2", "one").after
    cells = content(job(two.desired, "nova/databases"), "databases.json")
    assert [(each["name"], each["database_connection"].rpartition("/")[2]) for each in cells["cells"]] == [
        ("cell0", "nova_cell0"),
        ("cell1", "nova"),
        ("rack-2", "nova_rack_2"),
    ]
    assert cells["hosts"] == {"two.example": "cell1", "three.example": "rack-2"}


def test_a_compute_host_is_at_the_message_bus_and_the_console_of_its_cell(two: World) -> None:
    first, second = (configuration(container(two.desired, "nova-compute", host)) for host in ("two", "three"))
    assert first["DEFAULT"]["transport_url"].endswith(":5672/")
    assert second["DEFAULT"]["transport_url"].endswith(":5672/nova_rack_2")
    assert ":6080/" in first["vnc"]["novncproxy_base_url"]
    assert ":6090/" in second["vnc"]["novncproxy_base_url"]
    assert second["filter_scheduler"]["track_instance_changes"] == "false"
    assert "filter_scheduler" not in first
    assert {
        "container:nova-cell-conductor-rack-2@one",
        "job:nova/databases@one",
        "job:rabbitmq/message-bus-nova@one",
    } <= set(container(two.desired, "nova-compute", "three").after)


def test_a_console_of_a_cell_is_behind_the_load_balancer(two: World) -> None:
    two.globals["nova_cells"] = [CELL | {"novncproxy_port": 6111}]
    listeners = {each.name: each.sockets for each in Topology(two.settings, two.facts).listeners}
    assert listeners["nova-cell-novncproxy-rack-2"] == (("10.0.0.250", 6111),)
    proxy = container(two.desired, "nova-cell-novncproxy-rack-2", "one")
    assert configuration(proxy)["vnc"]["novncproxy_port"] == "6111"
    assert configuration(proxy)["database"]["connection"].endswith("/nova_rack_2")
    assert proxy.spec.health is not None
    assert ":6111/" in proxy.spec.health.command[-1]
    assert ("10.0.0.1", 6111) in proxy.sockets
    two.globals["nova_console"] = "none"
    assert not any(each.name.startswith("nova-cell-novncproxy") for each in two.desired.containers)


def test_a_cell_may_have_conductors_on_hosts_of_its_own(two: World) -> None:
    two.globals["nova_cells"] = [CELL | {"conductor_group": "rack2"}]
    found = {each.host for each in two.desired.containers if each.name.startswith("nova-cell-")}
    assert found == {"three"}
    reported = next(each for each in two.desired.checks if each.name == "nova/check-services")
    assert content(reported, "services.json")["services"]["nova-conductor"] == [
        "one.example",
        "three.example",
    ]


def test_two_conductors_on_one_host_are_looked_for_twice(two: World) -> None:
    reported = next(each for each in two.desired.checks if each.name == "nova/check-services")
    assert content(reported, "services.json")["services"]["nova-conductor"] == ["one.example", "one.example"]


def test_the_parts_of_a_cell_belong_to_sets(two: World) -> None:
    known = sets.known(two.settings.services)
    assert known["nova-cell-conductor"] == {"nova-cell-conductor-rack-2"}
    assert {"nova-cell-conductor-rack-2", "nova-cell-novncproxy-rack-2"} <= known["control"]


def test_the_data_of_each_cell_is_migrated_at_the_end_of_an_upgrade(two: World) -> None:
    own = {folder.name: at(folder.service, Stage.FINISHING) for folder in two.settings.services}["nova"]
    found = own.jobs["cell-online-data-migrations-rack-2"]
    assert found.container == "nova-cell-conductor-rack-2"
    assert "container/nova-cell-conductor-rack-2" in found.after
    del two.globals["nova_cells"]
    own = {folder.name: at(folder.service, Stage.FINISHING) for folder in two.settings.services}["nova"]
    assert not any(name.startswith("cell-online") for name in own.jobs)


def test_an_upgrade_takes_conductors_of_cells_first_and_compute_hosts_last(two: World) -> None:
    go_to(two, OLDER)
    two.carry_out(reconcile(two.desired, two.states))
    go_to(two, NEWER)
    plan, desired = upgrade(two)
    order = [each.id for each in plan.operations]
    conductor = order.index("container:nova-cell-conductor-rack-2@one")
    assert order.index("job:nova/databases-expand@one") < conductor
    assert conductor < order.index("container:nova-scheduler@one") < order.index("container:nova-api@one")
    assert order.index("container:nova-api@one") < order.index("container:nova-compute@three")
    two.carry_out(plan, desired)
    assert job_ids(finish(two)[0]) >= {
        "job:nova/online-data-migrations@one",
        "job:nova/cell-online-data-migrations-rack-2@one",
    }


@pytest.mark.parametrize(
    ("cells", "groups", "said"),
    [
        ([CELL | {"compute_group": "rack3"}], {}, "did you mean 'rack2'?"),
        ([CELL | {"compute_gruop": "rack2"}], {}, "did you mean 'compute_group'?"),
        ([{"name": "rack-2"}], {}, "item 1 of 'nova_cells' has no 'compute_group'"),
        (["rack-2"], {}, "item 1 of 'nova_cells' is no mapping"),
        ([CELL | {"name": "Rack 2"}], {}, "lower-case letters, digits and -"),
        ([CELL | {"novncproxy_port": 0}], {}, "a port, from 1 to 65535"),
        ([CELL | {"name": "cell1"}], {}, "no names for further cells"),
        ([CELL | {"name": "api"}], {}, "no names for further cells"),
        ([CELL, CELL], {}, "two of 'nova_cells' have the name 'rack-2'"),
        ([CELL | {"conductor_group": "empty"}], {"empty": ()}, "group 'empty' has no host"),
        ([CELL], {"rack2": ()}, "group 'rack2' has no host"),
        ([CELL, CELL | {"name": "b"}], {}, "three is a compute host of rack-2 and b; it can be of one"),
        ([CELL], {"rack2": ("one",)}, "one is of rack-2, and is no compute host"),
        ([CELL | {"conductor_group": "own"}], {"own": ("four",)}, "four is to have the conductor of rack-2"),
    ],
)
def test_cells_that_cannot_be_are_refused_with_their_place(
    two: World, cells: list[object], groups: dict[str, tuple[str, ...]], said: str
) -> None:
    two.globals["nova_cells"] = cells
    two.groups |= groups
    two.hosts = (*two.hosts, *(h for hosts in groups.values() for h in hosts if h not in two.hosts))
    with pytest.raises(InputError) as caught:
        _ = two.settings
    assert said in str(caught.value)
    assert f"{two.directory}/globals.yml:" in str(caught.value)


@pytest.mark.parametrize("given", [{"nova_console": "spice"}, {"enable_nova_serialconsole_proxy": True}])
def test_consoles_that_cells_do_not_have_are_refused(two: World, given: dict[str, object]) -> None:
    two.globals |= given
    with pytest.raises(InputError, match="further cells"):
        _ = two.settings


def test_two_cells_want_two_ports(two: World) -> None:
    two.groups["rack3"] = ("two",)
    two.globals["nova_cells"] = [CELL, {"name": "rack-3", "compute_group": "rack3"}]
    with pytest.raises(InputError, match="would both listen on"):
        _ = two.desired


@given(members=st.lists(st.sampled_from(("cell1", "a", "b-c")), min_size=3, max_size=3))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_compute_host_is_of_one_cell_wherever_it_is_told(tmp_path: Path, members: list[str]) -> None:
    """Bus, console and what the job of the databases is told agree; nobody is at a bus that nobody makes."""
    world = cloud(tmp_path)
    world.groups["compute"] = world.hosts
    hosts = dict(zip(world.hosts, members, strict=True))
    used = [name for name in ("a", "b-c") if name in members]
    world.groups |= {f"in-{name}": [h for h in hosts if hosts[h] == name] for name in used}
    world.globals["nova_cells"] = [
        {"name": name, "compute_group": f"in-{name}", "novncproxy_port": 6100 + port}
        for port, name in enumerate(used)
    ]
    desired = world.desired
    for host, cell in hosts.items():
        compute = configuration(container(desired, "nova-compute", host))
        vhost = compute["DEFAULT"]["transport_url"].rpartition("/")[2]
        port = 6080 if cell == "cell1" else 6100 + used.index(cell)
        assert vhost == ("" if cell == "cell1" else f"nova_{cell.replace('-', '_')}")
        assert f":{port}/" in compute["vnc"]["novncproxy_base_url"]
        if used:
            told = content(job(desired, "nova/databases"), "databases.json")["hosts"]
            assert told[f"{host}.example"] == cell
    made = [each for each in desired.jobs if each.name == "rabbitmq/message-bus-nova"]
    wanted = [f"nova_{name.replace('-', '_')}" for name in used]
    assert [content(each, "vhosts.json")["vhosts"] for each in made] == ([wanted] if used else [])
