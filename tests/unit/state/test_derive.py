from __future__ import annotations

import json

from world import World


def test_every_user_of_a_service_may_add_log_files(world: World) -> None:
    desired = world.desired
    users = {}
    for node in (*desired.containers, *desired.jobs):
        document = json.loads(node.config.files["config.json"].content)
        logs = [d for d in document["directories"] if d["path"] == "/var/log/kolla/keystone"]
        users |= {d["owner"]: d["perm"] for d in logs}
    # The registration runs as the toolbox's user, and the directory is the one of its latest start.
    assert users == {"keystone:kolla": "0775", "ansible:kolla": "0775"}
