"""A server outlives the containers it was started by: same process, no lost packets, and still ours."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import docker
import pytest
from system.client import Demo, OpenStack, until
from system.harness import Kolla, qemu_pid, qemu_pids, started

from bench.machine import processes
from bench.pings import Pings

pytestmark = pytest.mark.usefixtures("as_it_was", "managed")

SWITCH_GAP = 1.0
"""Seconds a server may be out of reach when its switch is replaced."""
FLOWS_GAP = 10.0
"""Seconds until a switch that was not asked to end, and so kept no flows, has them from its controller again,
which tries after one, two and four seconds."""
IFF_UP = 1
"""Flag of a link that is switched on: netdevice(7)."""


def remove(engine: docker.DockerClient, *names: str) -> None:
    """As an operator who has given up on them: `docker rm -f`."""
    for name in names:
        engine.containers.get(name).remove(force=True)


def is_managed(demo: Demo) -> bool:
    """Whether nova and neutron still rule over the server."""
    server = demo.openstack.server(demo.id)
    assert server["status"] == "ACTIVE"
    assert server["OS-EXT-STS:vm_state"] == "active"
    assert demo.openstack.console_log(demo.id)
    return demo.login.run("hostname").strip() == demo.name


@pytest.fixture
def managed(demo: Demo) -> None:
    """The test begins when nova-compute has ended its start: the one before may have replaced it."""
    assert is_managed(demo)


def compute_is_up(openstack: OpenStack) -> bool:
    services = openstack.get("compute", "/os-services?binary=nova-compute")["services"]
    return all(service["state"] == "up" for service in services)


@pytest.mark.parametrize("names", [("nova_libvirt",), ("nova_compute", "nova_libvirt")], ids="+".join)
def test_hypervisor_and_agent_are_removed_and_deployed_again(
    cloud: Kolla, demo: Demo, engine: docker.DockerClient, names: tuple[str, ...]
) -> None:
    pid = qemu_pid(demo.id)
    with Pings(demo.login.address) as pings:
        remove(engine, *names)
        cloud.run("deploy")
    print(f"{'+'.join(names)} removed and deployed: {pings}")
    assert pings.lost == 0
    assert qemu_pid(demo.id) == pid
    assert is_managed(demo)


@pytest.mark.parametrize(
    ("override", "text", "container"),
    [
        ("nova/nova-compute.conf", "[DEFAULT]\nreserved_host_disk_mb = 100\n", "nova_compute"),
        ("nova/qemu.conf", "max_queued = 10\n", "nova_libvirt"),
    ],
)
def test_a_changed_setting_restarts_its_container_and_no_server(
    cloud: Kolla, demo: Demo, engine: docker.DockerClient, override: str, text: str, container: str
) -> None:
    pid, before = qemu_pid(demo.id), started(engine)
    if override.endswith("qemu.conf"):  # the last layer is the file
        text = engine.containers.get(container).exec_run("cat /etc/libvirt/qemu.conf").output.decode() + text
    cloud.override(override, text)
    with Pings(demo.login.address) as pings:
        cloud.run("deploy")
    print(f"{container} with another setting: {pings}")
    after = started(engine)
    assert [name for name in after if after[name] != before[name]] == [container]
    assert pings.lost == 0
    assert qemu_pid(demo.id) == pid
    assert is_managed(demo)


def test_the_controller_of_the_network_is_removed_and_deployed_again(
    cloud: Kolla, demo: Demo, engine: docker.DockerClient
) -> None:
    pid = qemu_pid(demo.id)
    with Pings(demo.login.address) as pings:
        remove(engine, "ovn_controller", "neutron_ovn_metadata_agent")
        cloud.run("deploy")
    print(f"ovn_controller removed and deployed: {pings}")
    assert pings.longest_gap <= SWITCH_GAP
    assert qemu_pid(demo.id) == pid
    assert is_managed(demo)


@pytest.mark.parametrize(
    ("override", "text", "container"),
    [
        ("openvswitch/bridges.json", '{"note": "nobody reads it"}', "openvswitch_vswitchd"),
        ("openvswitch/openvswitch-db/config.json", '{"permissions": []}', "openvswitch_db"),
        ("ovn/ovn-controller/config.json", '{"permissions": []}', "ovn_controller"),
    ],
)
def test_a_deploy_that_replaces_the_switch_interrupts_for_a_second_at_most(
    cloud: Kolla, demo: Demo, engine: docker.DockerClient, override: str, text: str, container: str
) -> None:
    pid, before = qemu_pid(demo.id), started(engine)
    cloud.override(override, text)
    with Pings(demo.login.address) as pings:
        cloud.run("deploy")
    print(f"{container} replaced by a deploy: {pings}")
    after = started(engine)
    assert [name for name in after if after[name] != before[name]] == [container]
    assert pings.longest_gap <= SWITCH_GAP
    assert qemu_pid(demo.id) == pid
    assert is_managed(demo)


def test_a_switch_that_is_killed_is_back_by_itself(demo: Demo, engine: docker.DockerClient) -> None:
    """Nobody deploys: the engine starts it again, and its controller gives it its flows."""
    pid, container = qemu_pid(demo.id), engine.containers.get("openvswitch_vswitchd")
    (switch,) = (
        process
        for process in processes(container)
        if Path(f"/proc/{process}/comm").read_text().strip() == "ovs-vswitchd"
    )
    with Pings(demo.login.address) as pings:
        os.kill(switch, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{switch}").exists(), 10, "the switch has ended")
        demo.login.wait(60)
    print(f"ovs-vswitchd killed: {pings}")
    assert pings.longest_gap <= FLOWS_GAP
    assert qemu_pid(demo.id) == pid
    assert is_managed(demo)


def test_a_port_whose_link_is_down_from_the_start_is_switched_on(engine: docker.DockerClient) -> None:
    """As the switch in userspace leaves it when it and the hypervisor write its flags at one moment."""

    def vsctl(*arguments: str) -> None:
        status, said = engine.containers.get("openvswitch_db").exec_run(["ovs-vsctl", *arguments])
        assert status == 0, said

    name = "tapforgotten"
    flags = Path(f"/sys/class/net/{name}/flags")
    subprocess.run(["ip", "tuntap", "add", name, "mode", "tap"], check=True)
    try:
        port = ("add-port", "br-int", name, "--", "set", "Interface", name)
        vsctl(*port, "external_ids:iface-id=5ae5d0b9-0000-4000-8000-000000000000")
        until(lambda: int(flags.read_text(), 16) & IFF_UP, 10, "the link is up")
    finally:
        vsctl("--if-exists", "del-port", "br-int", name)
        subprocess.run(["ip", "link", "delete", name], check=True)


def test_the_whole_switch_is_removed_and_deployed_again(
    cloud: Kolla, demo: Demo, engine: docker.DockerClient
) -> None:
    """By force, so there are no flows to keep: out of reach until the deploy, and not much longer."""
    pid = qemu_pid(demo.id)
    with Pings(demo.login.address) as pings:
        begun = time.monotonic()
        remove(engine, "openvswitch_vswitchd", "openvswitch_db", "ovn_controller")
        cloud.run("deploy")
        took = time.monotonic() - begun
        demo.login.wait(30)
    print(f"the whole switch removed, deployed in {took:.1f} s: {pings}")
    assert pings.longest_gap <= took + FLOWS_GAP
    assert pings.answered[-1]
    assert qemu_pid(demo.id) == pid
    assert is_managed(demo)


def test_after_all_that_servers_are_stopped_started_rebooted_made_and_deleted(
    cloud: Kolla, demo: Demo
) -> None:
    openstack = demo.openstack
    until(lambda: compute_is_up(openstack), 60, "nova-compute reports")
    # A libvirt that adopted the guest without its definition would forget it as soon as it ends.
    openstack.act(demo.id, "os-stop")
    openstack.wait_for_server(demo.id, "SHUTOFF")
    openstack.act(demo.id, "os-start")
    openstack.wait_for_server(demo.id)
    demo.login.wait()
    openstack.act(demo.id, "reboot", type="HARD")
    openstack.wait_for_server(demo.id)
    demo.login.wait()
    server = openstack.create_server("afterwards", demo.server)
    openstack.wait_for_server(server)
    until(lambda: "READY afterwards" in openstack.console_log(server), 60, "its boot")
    assert qemu_pid(server) != qemu_pid(demo.id)
    openstack.delete_server(server)
    until(lambda: not qemu_pids(server), 30, "its process is gone")


def test_after_the_engine_was_started_again_a_deploy_waits_until_the_cloud_works(
    cloud: Kolla, demo: Demo
) -> None:
    """As after an upgrade of its package; a start of the host is the same for the containers."""
    process = qemu_pid(demo.id)
    engine = int(Path("/var/run/docker.pid").read_text())
    os.kill(engine, signal.SIGTERM)
    until(lambda: not Path(f"/proc/{engine}").exists(), 90, "the engine has ended")
    cloud.run("bootstrap-servers")
    assert {operation["action"] for operation in cloud.plan() if operation["kind"] == "container"} == {"wait"}
    cloud.run("deploy")
    assert demo.openstack.get("compute", f"/servers/{demo.id}")["server"]["status"] == "ACTIVE"
    assert demo.login.run("hostname").strip() == demo.name
    assert qemu_pid(demo.id) == process
