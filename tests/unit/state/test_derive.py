from __future__ import annotations

import json

from world import World

from kolla.state.desired import DesiredContainer


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
    capabilities: [NET_ADMIN]
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
    assert [m.propagation for m in after.spec.mounts if m.target == "/run/netns"] == ["shared"]
    assert json.loads(after.config.files["config.json"].content)["user"] == "root"


def _container(world: World, name: str) -> DesiredContainer:
    return next(container for container in world.desired.containers if container.name == name)
