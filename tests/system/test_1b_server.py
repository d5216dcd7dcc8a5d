"""What a user of the cloud has: a server to log in to, and every API of the catalogue."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import docker
import pytest
from system.client import Demo, Login, OpenStack, console_handshake, until
from system.harness import Kolla, containers, http, log_lines, qemu_pid

LISTINGS = {
    "image list": "kolla-guest",
    "network list": "public1",
    "subnet list": "",
    "router list": "demo-router",
    "floating ip list": "",
    "security group list": "default",
    "port list": "",
    "flavor list": "m1.tiny",
    "keypair list": "",
    "server list": "demo1",
    "console url show demo1": "vnc_lite.html",
    "quota show": "",
    "hypervisor list": "",
    "compute service list": "nova-conductor",
    "network agent list": "ovn-controller",
    "resource provider list": "",
    "allocation candidate list --resource VCPU=1": "",
    "catalog list": "placement",
}
"""Commands of `openstack` -> a name in what they list."""


def network_log() -> str:
    """What OVN and the metadata agent said last: whether the server asked for an address, and got it."""
    engine = docker.from_env()
    ovn = engine.containers.get("ovn_controller").logs(tail=30).decode().splitlines()
    agent = [line for line in log_lines(engine, "neutron") if "agent.ovn.metadata" in line]
    return "\n".join([*ovn, *agent[-30:]])


@contextmanager
def a_server(demo: Demo, name: str, **more: Any) -> Iterator[Login]:
    """A server like the demo's with a floating IP, for the time of the context; logging in to it works."""
    openstack = demo.openstack
    server = openstack.create_server(name, demo.server, **more)
    try:
        openstack.wait_for_server(server)
        with floating_ip(openstack, server) as address:
            login = Login(address, demo.login.key)
            try:
                login.wait()
            except AssertionError as error:
                said, told = openstack.console_log(server)[-5000:], network_log()
                raise AssertionError(f"{error}; on its console:\n{said}\nof the network:\n{told}") from None
            yield login
    finally:
        openstack.delete_server(server)


@contextmanager
def floating_ip(openstack: OpenStack, server: str) -> Iterator[str]:
    """A floating IP of a server for the time of the context."""
    (port,) = openstack.get("network", f"/v2.0/ports?device_id={server}")["ports"]
    external = openstack.one("network", "/v2.0/networks?router:external=true")
    wanted = {"floating_network_id": external["id"], "port_id": port["id"]}
    made = openstack.call("POST", "network", "/v2.0/floatingips", {"floatingip": wanted})["floatingip"]
    try:
        yield made["floating_ip_address"]
    finally:
        openstack.call("DELETE", "network", f"/v2.0/floatingips/{made['id']}")


# -- the demo server -------------------------------------------------------------------------------


def test_the_server_is_logged_in_to_over_its_floating_ip(demo: Demo) -> None:
    assert demo.login.run("hostname").strip() == demo.name
    told = demo.told
    assert (told["name"], told["uuid"]) == (demo.name, demo.id)


def test_init_runonce_again_changes_nothing(cloud: Kolla, demo: Demo) -> None:
    before = demo.server
    cloud.run("init-runonce")
    after = demo.server
    assert after["id"] == before["id"]
    assert after["updated"] == before["updated"]


def test_the_console_log_shows_the_boot(demo: Demo) -> None:
    assert f"READY {demo.name}" in demo.openstack.console_log(demo.id)


def test_a_browser_reaches_the_console_through_the_load_balancer(cloud: Kolla, demo: Demo) -> None:
    wanted = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    made = demo.openstack.call("POST", "compute", f"/servers/{demo.id}/remote-consoles", wanted)
    url = made["remote_console"]["url"]
    assert url.startswith(f"http://{demo.openstack.auth['auth_url'].split('/')[2].split(':')[0]}:")
    with urllib.request.urlopen(url, timeout=30) as page:
        assert b"noVNC" in page.read()
    version, screen = console_handshake(url)
    assert version == "RFB 003.008"
    assert screen.startswith("QEMU")
    with pytest.raises(ConnectionError):
        console_handshake(url[:-4] + "0000")  # not its token


def test_a_server_is_stopped_started_and_rebooted(demo: Demo) -> None:
    openstack = demo.openstack
    openstack.act(demo.id, "os-stop")
    openstack.wait_for_server(demo.id, "SHUTOFF")
    openstack.act(demo.id, "os-start")
    openstack.wait_for_server(demo.id)
    demo.login.wait()
    demo.login.run("touch /run/before")
    openstack.act(demo.id, "reboot", type="SOFT")
    openstack.wait_for_server(demo.id)
    until(lambda: _rebooted(demo.login), 60, "a guest that was booted again")


def _rebooted(login: Login) -> bool:
    try:
        return login.run("ls /run", seconds=10).find("before") < 0
    except AssertionError:
        return False


@pytest.mark.long  # nova's delay
def test_init_runonce_starts_a_server_that_nova_believes_active_a_while_longer(
    cloud: Kolla, demo: Demo
) -> None:
    """As after a power cut: `quickstart` is sooner than nova's look at what runs on the host."""
    os.kill(qemu_pid(demo.id), signal.SIGKILL)
    assert demo.server["status"] == "ACTIVE"
    cloud.run("init-runonce")
    assert demo.login.run("hostname").strip() == demo.name


def test_a_server_with_a_config_drive_has_its_key_from_there(demo: Demo) -> None:
    with a_server(demo, "with-drive", config_drive=True) as login:
        assert login.run("hostname").strip() == "with-drive"
        assert "config-2" in login.run("blkid").lower()
        login.run("mount -o ro /dev/sr0 /mnt")
        assert json.loads(login.run("cat /mnt/openstack/latest/meta_data.json"))["name"] == "with-drive"


def test_a_snapshot_boots_with_what_was_written(demo: Demo) -> None:
    openstack, mark = demo.openstack, str(uuid.uuid4())
    demo.login.run(f"echo {mark} >/root/mark && sync")
    image = openstack.act(demo.id, "createImage", name="snapshot")["image_id"]
    try:
        until(lambda: openstack.get("image", f"/v2/images/{image}")["status"] == "active", 120, "the image")
        openstack.wait_for_server(demo.id)
        with a_server(demo, "from-snapshot", imageRef=image) as login:
            assert login.run("cat /root/mark; hostname").split() == [mark, "from-snapshot"]
    finally:
        openstack.call("DELETE", "image", f"/v2/images/{image}")


def test_a_flavor_nobody_has_room_for_is_refused_with_a_reason(demo: Demo) -> None:
    openstack = demo.openstack
    flavor = {"name": "too-large", "ram": 1 << 20, "vcpus": 1, "disk": 1}
    made = openstack.call("POST", "compute", "/flavors", {"flavor": flavor})["flavor"]["id"]
    quota = f"/os-quota-sets/{demo.server['tenant_id']}"
    before = openstack.get("compute", quota)["quota_set"]["ram"]
    openstack.call("PUT", "compute", quota, {"quota_set": {"ram": -1}})
    server = openstack.create_server("too-large", demo.server, flavorRef=made)
    try:
        found = openstack.wait_for_server(server, "ERROR")
        assert "No valid host was found" in found["fault"]["message"]
    finally:
        openstack.delete_server(server)
        openstack.call("PUT", "compute", quota, {"quota_set": {"ram": before}})
        openstack.call("DELETE", "compute", f"/flavors/{made}")


# -- the APIs --------------------------------------------------------------------------------------


def client(commands: Sequence[str]) -> tuple[list[Any], str, str]:
    """What the toolbox's `openstack` answers to commands, all given to one process: JSON documents, the text
    after them, and its complaints."""
    done = subprocess.run(
        ["docker", "exec", "-i", "kolla_toolbox", "openstack"],
        input="".join(f"{command}\n" for command in commands),
        capture_output=True,
        text=True,
    )
    decoder, rest, documents = json.JSONDecoder(), done.stdout.strip(), []
    wanted = sum(" -f json" in command for command in commands)
    with suppress(ValueError):  # one has failed
        while len(documents) < wanted:
            document, end = decoder.raw_decode(rest)
            documents.append(document)
            rest = rest[end:].strip()
    return documents, rest, done.stderr


def test_the_client_lists_what_there_is_of_every_kind(cloud: Kolla, demo: Demo) -> None:
    documents, rest, complaints = client([f"{command} -f json" for command in LISTINGS])
    assert (rest, len(documents)) == ("", len(LISTINGS)), complaints
    for (command, name), document in zip(LISTINGS.items(), documents, strict=True):
        assert document, command
        assert name in json.dumps(document), command


def test_the_client_makes_changes_and_removes_as_an_operator_does(cloud: Kolla, demo: Demo) -> None:
    openstack, project = demo.openstack, demo.server["tenant_id"]
    host, quota = demo.server["OS-EXT-SRV-ATTR:host"], f"/os-quota-sets/{demo.server['tenant_id']}"
    pairs = openstack.get("compute", quota)["quota_set"]["key_pairs"]
    try:
        documents, log, complaints = client(
            [
                "aggregate create -f json --property disk=fast rack",
                f"aggregate add host -f json rack {host}",
                "aggregate list -f json",
                "keypair create -f json --private-key /tmp/theirs theirs",
                "keypair list -f json",
                f"quota set --key-pairs {pairs + 1} {project}",
                f"console log show {demo.name}",
            ]
        )
        assert len(documents) == 5, complaints
        aggregate, filled, aggregates, key, keys = documents
        assert (aggregate["name"], filled["hosts"]) == ("rack", [host])
        assert "rack" in json.dumps(aggregates)
        assert key["name"] == "theirs"
        assert "theirs" in json.dumps(keys)
        assert openstack.get("compute", quota)["quota_set"]["key_pairs"] == pairs + 1
        assert f"READY {demo.name}" in log
    finally:
        _, _, complaints = client(
            [
                f"aggregate remove host -f json rack {host}",
                "aggregate delete rack",
                "keypair delete theirs",
                f"quota set --key-pairs {pairs} {project}",
            ]
        )
        subprocess.run(["docker", "exec", "kolla_toolbox", "rm", "-f", "/tmp/theirs"], check=True)
    assert openstack.get("compute", "/os-aggregates")["aggregates"] == [], complaints
    assert not openstack.exists("compute", "/os-keypairs/theirs"), complaints
    assert openstack.get("compute", quota)["quota_set"]["key_pairs"] == pairs


def test_services_and_agents_report_that_they_are_up(demo: Demo) -> None:
    services = demo.openstack.get("compute", "/os-services")["services"]
    assert {s["binary"] for s in services} == {"nova-compute", "nova-conductor", "nova-scheduler"}
    assert {(s["state"], s["status"]) for s in services} == {("up", "enabled")}
    agents = demo.openstack.get("network", "/v2.0/agents")["agents"]
    assert {a["binary"] for a in agents} == {"ovn-controller", "neutron-ovn-metadata-agent"}
    assert all(agent["alive"] for agent in agents), agents


def test_an_aggregate_a_key_and_a_security_group_are_made_and_removed(demo: Demo) -> None:
    def made(service: str, path: str, kind: str, **wanted: Any) -> dict[str, Any]:
        answer: dict[str, Any] = demo.openstack.call("POST", service, path, {kind: wanted})[kind]
        return answer

    aggregate = made("compute", "/os-aggregates", "aggregate", name="rack")
    action = f"/os-aggregates/{aggregate['id']}/action"
    host = {"host": demo.server["OS-EXT-SRV-ATTR:host"]}
    demo.openstack.call("POST", "compute", action, {"add_host": host})
    demo.openstack.call("POST", "compute", action, {"remove_host": host})
    demo.openstack.call("DELETE", "compute", f"/os-aggregates/{aggregate['id']}")

    public = subprocess.check_output(["ssh-keygen", "-y", "-f", demo.login.key], text=True)
    key = made("compute", "/os-keypairs", "keypair", name="theirs", public_key=public)
    demo.openstack.call("DELETE", "compute", f"/os-keypairs/{key['name']}")

    group = made("network", "/v2.0/security-groups", "security_group", name="web")["id"]
    rule = {"direction": "ingress", "protocol": "tcp", "port_range_min": 80, "port_range_max": 80}
    made("network", "/v2.0/security-group-rules", "security_group_rule", security_group_id=group, **rule)
    demo.openstack.call("DELETE", "network", f"/v2.0/security-groups/{group}")


# -- how it is set up --------------------------------------------------------------------------------


def test_the_message_bus_has_nothing_but_quorum_queues_and_streams(
    cloud: Kolla, demo: Demo, engine: docker.DockerClient
) -> None:
    command = ["rabbitmqctl", "--quiet", "--formatter", "json", "list_queues", "name", "type"]
    queues = json.loads(engine.containers.get("rabbitmq").exec_run(command, stderr=False).output)
    assert {queue["type"] for queue in queues} == {"quorum", "stream"}, queues


def test_processes_and_workers_of_the_network_api_agree(demo: Demo, engine: docker.DockerClient) -> None:
    lines = log_lines(engine, "neutron")
    assert lines
    assert [line for line in lines if "CRITICAL" in line and "Hash Ring" in line] == []


def test_every_container_has_a_health_check_and_passes_it(cloud: Kolla, engine: docker.DockerClient) -> None:
    def unhealthy() -> list[str]:
        return [
            c.name
            for c in containers(engine)
            if c.attrs["State"].get("Health", {}).get("Status") != "healthy"
        ]

    until(lambda: unhealthy() == [], 120, "every container is healthy")


def test_every_endpoint_of_the_catalogue_answers(demo: Demo) -> None:
    # Those of ours: the third party's of an earlier test is still in the catalogue.
    assert demo.openstack.services >= {"identity", "image", "placement", "compute", "network"}
    openstack = demo.openstack
    assert openstack.get("image", "/v2/images")["images"]
    assert openstack.get("image", "/v2/metadefs/namespaces")["namespaces"], (
        "the dashboard shows an error without"
    )
    assert openstack.get("placement", "/resource_providers")["resource_providers"]
    assert http(openstack.auth["auth_url"])[0] == 200
