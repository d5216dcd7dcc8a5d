from __future__ import annotations

import json
from pathlib import Path

from world import World

from kolla.state.desired import DesiredContainer
from kolla.state.reconcile import reconcile


def test_every_user_of_a_service_may_add_log_files(world: World) -> None:
    desired = world.desired
    users = {}
    for node in (*desired.containers, *desired.jobs):
        document = json.loads(node.config.files["config.json"].content)
        logs = [d for d in document["directories"] if d["path"] == "/var/log/kolla/keystone"]
        users |= {d["owner"]: d["perm"] for d in logs}
    # The registration runs as the toolbox's user, and the directory is the one of its latest start.
    assert users == {"keystone:kolla": "0775", "ansible:kolla": "0775"}


def test_what_a_container_may_do_is_what_its_service_says(world: World) -> None:
    words = """    user: root
    privileges_reason: A test.
    capabilities: [NET_ADMIN]
    capabilities_where: {SYS_RESOURCE: "{{ notes_port == 80 }}"}
    new_privileges: true
    pid: host
    cgroup: host
    devices: [/dev/net/tun, /dev/kvm]
    security_options: [systempaths=unconfined, apparmor=unconfined]
    binds: [{source: /run/netns, target: /run/netns, propagation: shared}]
"""
    before = _container(world, "notes")
    world.edit("notes/service.yml", "    command: notes-api\n", "    command: notes-api\n" + words)
    after = _container(world, "notes")
    assert (before.spec.pid_mode, before.spec.cgroup_mode, before.spec.devices) == ("", "private", ())
    assert before.spec.security_options == ("no-new-privileges",)
    assert (after.spec.pid_mode, after.spec.cgroup_mode) == ("host", "host")
    assert after.spec.devices == ("/dev/kvm", "/dev/net/tun")
    assert after.spec.security_options == ("apparmor=unconfined", "systempaths=unconfined")
    assert set(after.spec.capabilities) - set(before.spec.capabilities) == {"NET_ADMIN"}
    world.globals["notes_port"] = 80
    assert "SYS_RESOURCE" in _container(world, "notes").spec.capabilities
    assert [m.propagation for m in after.spec.mounts if m.target == "/run/netns"] == ["shared"]
    assert json.loads(after.config.files["config.json"].content)["user"] == "root"


def test_a_bind_without_a_source_is_not_there(world: World) -> None:
    source = "{{ '/srv/notes' if notes_port == 9191 else '' }}"
    words = f'    binds: [{{source: "{source}", target: /srv}}]\n'
    world.edit("notes/service.yml", "    command: notes-api\n", "    command: notes-api\n" + words)
    assert [m.source for m in _container(world, "notes").spec.mounts if m.target == "/srv"] == ["/srv/notes"]
    world.globals["notes_port"] = 9292
    assert not [m for m in _container(world, "notes").spec.mounts if m.target == "/srv"]


def _container(world: World, name: str) -> DesiredContainer:
    return next(container for container in world.desired.containers if container.name == name)


EACH_HOST = """  prepare:
    each_host: true
    container: notes
    command: [notes-manage, prepare]
    before: [container/notes]
  later:
    each_host: true
    container: notes
    command: [notes-manage, later]
    after: [container/notes, job/prepare]
  last:
    container: notes
    command: [notes-manage, last]
    after: [container/notes, job/prepare]
"""


def test_a_job_of_each_host_is_one_of_its_own_there(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=("one", "two"))
    world.edit("notes/service.yml", "jobs:\n", "jobs:\n" + EACH_HOST)
    desired = world.desired
    after = {node.id: node.after for node in (*desired.containers, *desired.jobs)}
    volumes = {job.id: job.volumes for job in desired.jobs}
    for host, other in (("one", "two"), ("two", "one")):
        assert f"job:notes/prepare@{host}" in after[f"container:notes@{host}"]
        assert f"job:notes/prepare@{other}" not in after[f"container:notes@{host}"]
        assert after[f"job:notes/later@{host}"] == (f"container:notes@{host}", f"job:notes/prepare@{host}")
        assert volumes[f"job:notes/prepare@{host}"] == ((host, "notes"),)
    everywhere = [
        f"{name}@{host}" for name in ("container:notes", "job:notes/prepare") for host in world.hosts
    ]
    assert list(after["job:notes/last@one"]) == everywhere
    assert "job:notes/last@two" not in after


def test_a_host_where_when_is_false_does_not_do_a_job(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=("one", "two"))
    second = "when: \"{{ inventory_hostname == 'two' }}\""
    jobs = f"""  everywhere: {{each_host: true, container: notes, command: [a], {second}}}
  once: {{container: notes, command: [a], {second}}}
  never: {{container: notes, command: [a], when: "{{{{ false }}}}"}}
"""
    world.edit("notes/service.yml", "jobs:\n", "jobs:\n" + jobs)
    done = [job.id for job in world.desired.jobs if job.name.split("/")[1] in ("everywhere", "once", "never")]
    assert sorted(done) == ["job:notes/everywhere@two", "job:notes/once@two"]


def test_from_elsewhere_every_host_of_a_job_is_waited_for(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=("one", "two", "three"))
    world.groups = {"control": ("one",), "compute": ("one", "two")}
    agent = """  agent: {image: notes, group: agents, command: agent}
"""
    jobs = """  plug: {each_host: true, container: agent, command: [plug], before: [container/notes]}
"""
    world.groups["apart"] = ("three",)
    world.edit(
        "notes/service.yml",
        "groups: {notes: control}",
        "groups: {notes: apart, agents: compute, apart: control}",
    )
    world.edit("notes/service.yml", "\njobs:\n", agent + "\njobs:\n" + jobs)
    waits = _container(world, "notes").after
    assert {"job:notes/plug@one", "job:notes/plug@two"} <= set(waits)


def test_a_host_that_left_its_group_drops_its_job_alone(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=("one", "two"))
    world.edit("notes/service.yml", "jobs:\n", "jobs:\n" + EACH_HOST)
    plan = reconcile(world.desired, world.states)
    assert {o.host for o in plan.operations if o.id.startswith("job:notes/later")} == {"one", "two"}
    world.carry_out(plan)
    assert not reconcile(world.desired, world.states)
    world.groups = {"control": ("one", "two"), "notes": ("one",)}
    left = [o.id for o in reconcile(world.desired, world.states).operations]
    assert "remove:notes@two" in left
    assert not [id_ for id_ in left if id_.startswith("job:")]
