"""Heat, switched on in a cloud that runs: stacks are made, signalled to, changed, removed; and off again."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import docker
import pytest
from system.client import Demo, OpenStack, until
from system.harness import Kolla, containers

pytestmark = pytest.mark.long

CONTAINERS = {"heat_api", "heat_api_cfn", "heat_engine"}
SIGNALS = """\
#!/bin/sh
curl --silent --request PUT --header 'Content-Type:' --data-binary \
  '{"Status": "SUCCESS", "Reason": "booted", "UniqueId": "1", "Data": "signed"}' '$signed'
$token --silent --data-binary '{"status": "SUCCESS", "data": "token"}'
"""
"""What the server does when it has started: tell one condition by the CFN API, the other by heat's own."""


def template(demo: Demo, stage: str) -> dict[str, Any]:
    """A network of its own, a server in it that signals, and a group that a signal enlarges."""
    waited = {"handle": {"get_resource": "token"}, "timeout": 300}
    signed = {"Handle": {"get_resource": "signed"}, "Timeout": 300}
    interface = {"router": "demo-router", "subnet": {"get_resource": "subnet"}}
    words = {"$signed": {"get_resource": "signed"}, "$token": {"get_attr": ["token", "curl_cli"]}}
    server = {
        "image": demo.server["image"]["id"],
        "flavor": demo.server["flavor"]["original_name"],
        "networks": [{"network": {"get_resource": "network"}}],
        "user_data_format": "RAW",
        "user_data": {"str_replace": {"template": SIGNALS, "params": words}},
        "user_data_update_policy": "IGNORE",  # a signed URL has the time in it, and is another one each time
        "metadata": {"stage": stage},
    }
    group = {"min_size": 1, "max_size": 3, "resource": {"type": "OS::Heat::RandomString"}}
    policy = {
        "adjustment_type": "change_in_capacity",
        "auto_scaling_group_id": {"get_resource": "group"},
        "scaling_adjustment": 1,
    }
    kinds: dict[str, tuple[str, Mapping[str, Any]]] = {
        "network": ("OS::Neutron::Net", {}),
        "subnet": (
            "OS::Neutron::Subnet",
            {"network": {"get_resource": "network"}, "cidr": "10.77.0.0/24"},
        ),
        "interface": ("OS::Neutron::RouterInterface", interface),
        "signed": ("AWS::CloudFormation::WaitConditionHandle", {}),
        "token": ("OS::Heat::WaitConditionHandle", {}),
        "server": ("OS::Nova::Server", server),
        "by_signed": ("AWS::CloudFormation::WaitCondition", signed),
        "by_token": ("OS::Heat::WaitCondition", waited),
        "group": ("OS::Heat::AutoScalingGroup", group),
        "policy": ("OS::Heat::ScalingPolicy", policy),
    }
    resources: dict[str, Any] = {
        name: {"type": kind, "properties": dict(properties)} for name, (kind, properties) in kinds.items()
    }
    # Without its way out the server could not signal; the conditions' time begins when it is there.
    resources["server"]["depends_on"] = "interface"
    resources["by_signed"]["depends_on"] = resources["by_token"]["depends_on"] = "server"
    outputs = {
        "server": {"get_resource": "server"},
        "by_signed": {"get_attr": ["by_signed", "Data"]},
        "by_token": {"get_attr": ["by_token", "data"]},
        "size": {"get_attr": ["group", "current_size"]},
        "policy": {"get_attr": ["policy", "alarm_url"]},
    }
    return {
        "heat_template_version": "2018-08-31",
        "resources": resources,
        "outputs": {name: {"value": value} for name, value in outputs.items()},
    }


@pytest.fixture(scope="module")
def orchestrated(cloud: Kolla, demo: Demo) -> Iterator[OpenStack]:
    """The cloud with heat; afterwards as it was."""
    path = cloud.config_directory / "globals.yml"
    before = path.read_text()
    cloud.set(enable_heat=True)
    cloud.run("build")
    cloud.run("deploy")
    openstack = OpenStack.of(cloud.config_directory)
    try:
        yield openstack
    finally:
        path.write_text(before)
        cloud.run("deploy")


def settled(openstack: OpenStack, stack: str, action: str) -> dict[str, Any]:
    """Output -> value, once the action is complete; AssertionError with the reason when it has failed."""

    def seen() -> dict[str, Any] | None:
        found: dict[str, Any] = openstack.get("orchestration", f"/stacks/{stack}")["stack"]
        assert not found["stack_status"].endswith("FAILED"), found["stack_status_reason"]
        return found if found["stack_status"] == f"{action}_COMPLETE" else None

    found = until(seen, 360, f"the stack's {action} is complete")
    return {output["output_key"]: output["output_value"] for output in found["outputs"]}


def test_a_stack_is_made_signalled_to_changed_and_removed(
    cloud: Kolla, demo: Demo, engine: docker.DockerClient, orchestrated: OpenStack
) -> None:
    asked = {"stack_name": "tower", "template": template(demo, "first"), "timeout_mins": 10}
    made = orchestrated.call("POST", "orchestration", "/stacks", asked)["stack"]["id"]
    stack = f"tower/{made}"
    try:
        first = settled(orchestrated, stack, "CREATE")
        assert (first["by_signed"], first["by_token"]) == ('{"1": "signed"}', '{"1": "token"}')
        assert first["size"] == 1

        # Done with the trust, not with the token of whoever made the stack.
        urllib.request.urlopen(urllib.request.Request(first["policy"], b"", method="POST"), timeout=30)
        until(lambda: settled(orchestrated, stack, "CREATE")["size"] == 2, 60, "the group is larger")

        asked |= {"template": template(demo, "second")}
        orchestrated.call("PUT", "orchestration", f"/stacks/{stack}", asked)
        second = settled(orchestrated, stack, "UPDATE")
        assert second["server"] == first["server"]
        assert orchestrated.server(second["server"])["metadata"] == {"stage": "second"}
    finally:
        orchestrated.call("DELETE", "orchestration", f"/stacks/{stack}")
        until(lambda: not orchestrated.get("orchestration", "/stacks")["stacks"], 120, "the stack is removed")
    assert not orchestrated.exists("compute", f"/servers/{first['server']}")
    (domain,) = orchestrated.get("identity", "/domains?name=heat_user_domain")["domains"]
    users = orchestrated.get("identity", f"/users?domain_id={domain['id']}")["users"]
    assert [user["name"] for user in users] == ["heat_domain_admin"]


def test_it_is_healthy_and_nothing_is_left_to_do(cloud: Kolla, orchestrated: OpenStack) -> None:
    assert [finding for finding in cloud.json("check") if not finding["ok"]] == []
    assert cloud.plan() == []


def test_switched_off_it_leaves_no_container_and_no_listener(
    cloud: Kolla, engine: docker.DockerClient, orchestrated: OpenStack
) -> None:
    assert {container.name for container in containers(engine)} >= CONTAINERS
    cloud.set(enable_heat=False)
    cloud.run("deploy")
    assert cloud.plan() == []
    assert not {container.name for container in containers(engine, all=True)} & CONTAINERS
    until(lambda: not answers(orchestrated), 30, "nobody listens")


def answers(openstack: OpenStack) -> bool:
    """Whether the API is there."""
    try:
        openstack.get("orchestration", "/stacks")
    except OSError:
        return False
    return True
