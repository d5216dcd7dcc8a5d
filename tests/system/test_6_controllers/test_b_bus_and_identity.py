"""Bus and identity on three controllers: nothing confirmed is lost with one, tokens are good everywhere."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from system.client import OpenStack, until
from system.harness import http

from test_6_controllers.controllers import CONTROLLERS, Controllers

CLIENT = (Path(__file__).parent / "bus_client.py").read_text()
MESSAGES = 300


def bus(three: Controllers, host: str, *words: str) -> dict[str, Any]:
    """What a client of the message bus on a controller says."""
    said = three.rig.run(host, ["docker", "exec", "keystone", "python3", "-c", CLIENT, *words])
    found: dict[str, Any] = json.loads(said)
    return found


def whole(three: Controllers) -> bool:
    """Whether all members of the message bus run."""
    program = ["docker", "exec", "-u", "rabbitmq", "rabbitmq", "kolla_rabbitmq_members", "--look"]
    try:
        return "3 of 3" in three.rig.run(CONTROLLERS[0], program)
    except RuntimeError:
        return False


def statuses(three: Controllers, tokens: list[str]) -> set[int]:
    """What keystone says of tokens, on every controller."""
    return {
        http(
            f"http://{three.rig.address(host)}:5000/v3/auth/tokens",
            {"X-Auth-Token": token, "X-Subject-Token": token},
        )[0]
        for host in CONTROLLERS
        for token in tokens
    }


def test_no_confirmed_message_is_lost_with_a_member(three: Controllers) -> None:
    assert whole(three)
    gone = CONTROLLERS[1]
    # A client begins with its second member, so this one is connected to the host that goes away.
    with ThreadPoolExecutor() as threads:
        publishing = threads.submit(bus, three, CONTROLLERS[2], "publish", str(MESSAGES))
        until(lambda: bus_has_messages(three), 30, "messages are published")
        three.rig.kill(gone)
        assert publishing.result(timeout=120)["longest"] < 30
    assert bus(three, CONTROLLERS[2], "consume") == {"seen": MESSAGES}
    three.rig.start(gone)
    until(lambda: whole(three), 120, "the member is back")


def bus_has_messages(three: Controllers) -> bool:
    program = ["docker", "exec", "-u", "rabbitmq", "rabbitmq", "/usr/lib/rabbitmq/bin/rabbitmqctl", "--quiet"]
    said = three.rig.run(CONTROLLERS[0], [*program, "list_queues", "name", "messages", "--formatter", "json"])
    return any(queue["name"] == "test" and queue["messages"] for queue in json.loads(said))


def test_a_member_without_its_data_joins_again_and_takes_part(three: Controllers) -> None:
    first = CONTROLLERS[0]
    three.rig.run(first, ["docker", "rm", "-f", "rabbitmq"])
    three.rig.run(first, ["docker", "volume", "rm", "rabbitmq"])
    three.cloud.run("deploy")
    assert whole(three)
    program = ["docker", "exec", "-u", "rabbitmq", "rabbitmq", "/usr/lib/rabbitmq/bin/rabbitmqctl", "--quiet"]
    said = three.rig.run(first, [*program, "list_queues", "name", "members", "--formatter", "json"])
    (members,) = (queue["members"] for queue in json.loads(said) if queue["name"] == "test")
    assert len(members) == len(CONTROLLERS)


def test_a_token_is_good_everywhere_also_after_its_key_was_rotated(three: Controllers) -> None:
    auth = OpenStack.of(three.cloud.config_directory).auth
    before = [
        OpenStack({**auth, "auth_url": f"http://{three.rig.address(host)}:5000/v3"}).log_in()
        for host in CONTROLLERS
    ]
    assert statuses(three, before) == {200}
    said = three.cloud.run("rotate-fernet-keys")
    keys = three.rig.run(CONTROLLERS[0], ["docker", "exec", "keystone", "cat", "/etc/keystone/fernet-keys/0"])
    assert keys not in said
    after = [OpenStack(auth).log_in()]
    assert statuses(three, [*before, *after]) == {200}
    assert three.cloud.plan() == []
