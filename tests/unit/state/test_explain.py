"""Plans as people read them, and what they come to as programs do."""

from __future__ import annotations

from pathlib import Path

from world import World

from kolla.state import explain
from kolla.state.impact import summarise
from kolla.state.plan import Plan
from kolla.state.reconcile import reconcile


def plan(world: World) -> Plan:
    return reconcile(world.desired, world.states)


def add_to_notes(world: World, words: str) -> None:
    command = "    command: notes-api\n"
    world.edit("notes/service.yml", command, f"{command}    {words}\n")


def several_changes(world: World) -> Plan:
    world.override("keystone.conf", "[token]\nexpiration = 7200\n")
    world.globals |= {"keystone_workers": 5, "enable_notes": False, "database_max_connections": 77}
    return plan(world)


def test_a_plan_of_several_changes_reads_well(deployed: World) -> None:
    assert (
        explain.text(several_changes(deployed))
        == """\
Plan for cloud 'kolla': 4 operations on 1 host

one
  - remove container notes
      it is no longer wanted
      impact: endpoint notes is gone: no other host serves it
      impact: volume notes is kept
  ~ reload container haproxy                     notes.cfg: no longer wanted
  ~ restart container keystone
      keystone.conf: [token] expiration 3600 -> 7200, set by config/keystone.conf
      uwsgi.ini: [uwsgi] processes 2 -> 5, set by template base/uwsgi.ini.j2 from keystone_workers
        (globals.yml:11)
      impact: endpoint keystone is interrupted: no other host serves meanwhile
  ~ restart container mariadb
      my.cnf: [mariadbd] max_connections 1000 -> 77, set by template my.cnf.j2 from
        database_max_connections (globals.yml:1)
      impact: endpoint mariadb is interrupted: no other host serves meanwhile

4 operations on 1 host.
Endpoints interrupted: notes, keystone, mariadb.
Their users, whose requests may fail meanwhile: toolbox, keystone.
Running servers and their networks: not touched.
Volumes that stay, used by nothing: one/notes. To be rid of one and its data, on its host: docker
  volume rm NAME"""
    )


def test_a_setting_is_named_behind_the_defaults_that_lead_to_it(deployed: World) -> None:
    deployed.globals["openstack_service_workers"] = 3
    (cause,) = [c for o in plan(deployed).operations for c in o.causes if c.startswith("uwsgi.ini")]
    assert cause.endswith("from openstack_service_workers (globals.yml:11)")


def test_an_environment_variable_names_the_setting_behind_it(deployed: World) -> None:
    add_to_notes(deployed, "environment: {SIZE: '{{ notes_port }}'}")
    deployed.carry_out(plan(deployed))
    deployed.globals["notes_port"] = 9999
    (operation,) = [o for o in plan(deployed).operations if o.id == "container:notes@one"]
    assert operation.causes[0] == "environment SIZE: 9191 -> 9999, set by notes_port (globals.yml:11)"


def test_redundant_endpoints_go_on_and_the_summary_says_so(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=("one", "two"))
    world.carry_out(plan(world))
    world.override("keystone.conf", "[token]\nexpiration = 7200\n")
    summary = summarise(plan(world))
    assert (summary.interrupted, summary.served_by_others, summary.behind) == ((), ("keystone",), ())
    assert "Served by other hosts meanwhile: keystone." in explain.text(plan(world))


def test_what_running_servers_notice_is_said_of_switch_and_disks_alone(world: World) -> None:
    words = {
        name: container.impact.servers
        for folder in world.settings.catalogue.folders.values()
        for name, container in folder.service.containers.items()
        if container.impact.servers
    }
    assert words.pop("openvswitch-vswitchd") == "packets of this host's servers stop for up to 1 s"
    assert words.keys() == {"ceph-osd", "openvswitch-db"}
    assert words["ceph-osd"].endswith("where it is the only copy, disks stand still")


def test_the_summary_of_a_plan_that_touches_servers_names_their_hosts(deployed: World) -> None:
    add_to_notes(deployed, "impact: {servers: packets stop for 1 s}")
    deployed.image_ids["notes"] = "sha256:newer"
    text = explain.text(plan(deployed))
    assert "      impact: packets stop for 1 s\n" in text
    assert text.endswith("Running servers on one: packets stop for 1 s.")


def test_plans_fit_a_terminal_of_a_hundred_columns(deployed: World) -> None:
    lines = explain.text(several_changes(deployed)).splitlines()
    assert max(map(len, lines)) <= explain.WIDTH


def test_the_summary_is_data_for_programs(deployed: World) -> None:
    assert summarise(several_changes(deployed)).to_json() == {
        "operations": 4,
        "hosts": ["one"],
        "interrupted": ["notes", "keystone", "mariadb"],
        "served_by_others": [],
        "behind": ["toolbox", "keystone"],
        "servers": {},
        "jobs": [],
        "kept_volumes": ["one/notes"],
    }
