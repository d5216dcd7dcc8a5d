"""A controller and a compute host over SSH: a server on each, and one network between them by the tunnel.

The hosts have cgroup v2, where a server outlives its containers in another way than with v1.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from system.client import OpenStack, Refused, until
from system.harness import Kolla, qemu_pid, qemu_pids
from system.multinode import cloud_with_servers
from system.pair import HOSTS, Server, log_in_through, pair, try_largest_packet, try_tunnel
from system.rig import Rig

from bench.pings import Pings

COMPUTE = {
    "logrotate",
    "neutron_ovn_metadata_agent",
    "nova_compute",
    "nova_libvirt",
    "nova_ssh",
    "openvswitch_db",
    "openvswitch_vswitchd",
    "ovn_controller",
}
"""What runs on a host that only has servers."""
MOVE_GAP = 5.0
"""Seconds a server may be out of reach while it moves running: its last memory, and the switches that learn
where it is."""
SWITCH_GAP = 2.0
"""Seconds a server may be out of reach when its switch is replaced. Half of it is what test_1c asks of one
host: here several hosts' engines, the all-in-one cloud and the deploy share the machine's processors."""


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig.running("cloud", HOSTS) as rig:
        yield rig


@pytest.fixture(scope="module")
def cloud(
    rig: Rig, machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kolla]:
    """A cloud on both hosts, with its first network, image and server."""
    directory = tmp_path_factory.mktemp("cloud")
    settings = {"tunnel_interface": "eth1"}
    with cloud_with_servers(rig, directory, "multi", settings, machine_globals, compute=HOSTS) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def openstack(cloud: Kolla) -> OpenStack:
    return OpenStack.of(cloud.config_directory)


@pytest.fixture(scope="module")
def servers(cloud: Kolla, openstack: OpenStack) -> Mapping[str, Server]:
    return pair(cloud, openstack)


def names(rig: Rig, host: str) -> set[str]:
    return set(rig.run(host, ["docker", "ps", "--format", "{{.Names}}"]).split())


def started(rig: Rig, host: str) -> dict[str, str]:
    """Container -> its id and when it was started last, on a host."""
    show = "docker ps --quiet | xargs docker inspect --format '{{.Name}} {{.Id}}@{{.State.StartedAt}}'"
    lines = rig.run(host, ["sh", "-c", show]).replace("/", "").splitlines()
    return dict(line.split() for line in lines)


def test_a_compute_host_has_what_servers_need_and_nothing_else(rig: Rig, cloud: Kolla) -> None:
    assert names(rig, "node2") == COMPUTE
    assert names(rig, "node1") > COMPUTE


def test_both_hosts_are_found_and_report(openstack: OpenStack) -> None:
    hypervisors = openstack.get("compute", "/os-hypervisors/detail")["hypervisors"]
    assert {h["hypervisor_hostname"]: h["state"] for h in hypervisors} == {"node1": "up", "node2": "up"}
    agents = openstack.get("network", "/v2.0/agents")["agents"]
    assert {(a["binary"], a["host"]) for a in agents if a["alive"]} == {
        (binary, host)
        for binary in ("ovn-controller", "neutron-ovn-metadata-agent")
        for host in ("node1", "node2")
    }


def test_a_server_on_each_host_is_logged_in_to_from_outside(servers: Mapping[str, Server]) -> None:
    assert set(servers) == {"node1", "node2"}
    for server in servers.values():
        assert server.login.run("hostname").strip() == server.name


def test_the_controller_reaches_both_over_their_floating_ips(rig: Rig, servers: Mapping[str, Server]) -> None:
    for server in servers.values():
        greet = f"busybox nc -w 5 {server.login.address} 22 </dev/null | head -c 4"
        assert rig.run("node1", ["sh", "-c", greet]) == "SSH-"


def test_one_server_logs_in_to_the_other_and_it_goes_through_the_tunnel(
    rig: Rig, servers: Mapping[str, Server]
) -> None:
    try_tunnel(rig, servers)


def test_a_packet_as_large_as_the_network_allows_arrives_whole(
    openstack: OpenStack, servers: Mapping[str, Server]
) -> None:
    try_largest_packet(openstack, servers)


def test_servers_outlive_hypervisors_and_agents(
    rig: Rig, cloud: Kolla, servers: Mapping[str, Server]
) -> None:
    pids = {host: qemu_pid(server.id) for host, server in servers.items()}
    with Pings(servers["node1"].login.address) as first, Pings(servers["node2"].login.address) as second:
        for host in servers:
            rig.run(host, ["docker", "rm", "-f", "nova_compute", "nova_libvirt"])
        cloud.run("deploy")
    print(f"nova_compute and nova_libvirt removed and deployed: {first}; {second}")
    assert first.lost == second.lost == 0
    assert {host: qemu_pid(server.id) for host, server in servers.items()} == pids


def test_servers_outlive_a_new_switch_on_the_compute_host(
    rig: Rig, cloud: Kolla, servers: Mapping[str, Server]
) -> None:
    server = servers["node2"]
    pid, before = qemu_pid(server.id), {host: started(rig, host) for host in servers}
    text = '{"note": "a change that means nothing"}'
    cloud.override("openvswitch/node2/bridges.json", text)
    with Pings(server.login.address) as pings:
        cloud.run("deploy")
    print(f"openvswitch_vswitchd on node2 replaced by a deploy: {pings}")
    after = {host: started(rig, host) for host in servers}
    changed = [(h, name) for h in after for name in after[h] if after[h][name] != before[h][name]]
    assert changed == [("node2", "openvswitch_vswitchd")]
    assert pings.longest_gap <= SWITCH_GAP
    assert qemu_pid(server.id) == pid


def test_servers_outlive_everything_on_the_compute_host(
    rig: Rig, cloud: Kolla, openstack: OpenStack, servers: Mapping[str, Server]
) -> None:
    server = servers["node2"]
    pid = qemu_pid(server.id)
    rig.run("node2", ["docker", "rm", "-f", *sorted(COMPUTE)])
    cloud.run("deploy")
    server.login.wait(30)
    assert qemu_pid(server.id) == pid
    assert log_in_through(servers["node1"], server.fixed, "hostname").strip() == server.name
    assert openstack.server(server.id)["status"] == "ACTIVE"
    assert openstack.console_log(server.id)


def boot_of(server: Server) -> str:
    """Which of its boots it is in, as the server itself says."""
    server.login.wait()
    return server.login.run("cat /proc/sys/kernel/random/boot_id")


def place_of(openstack: OpenStack, server: Server) -> str:
    return str(openstack.server(server.id)["OS-EXT-SRV-ATTR:host"])


@pytest.mark.long
def test_a_drained_host_is_empty_and_its_server_has_not_noticed(
    rig: Rig, cloud: Kolla, openstack: OpenStack, servers: Mapping[str, Server]
) -> None:
    server = servers["node2"]
    boot = boot_of(server)
    with Pings(server.login.address) as pings:
        (drained,) = cloud.json("drain", "node2")
    (moved,) = drained["result"]["moved"]
    print(f"node2 drained in {moved['seconds']} s: {pings}")
    assert (moved["name"], moved["to"], moved["how"]) == (server.name, "node1", "while it runs")
    assert pings.longest_gap <= MOVE_GAP
    # The emulator of a guest that has come outlives its host's containers as one that began there.
    pid = qemu_pid(server.id)
    rig.run("node1", ["docker", "rm", "-f", "nova_compute", "nova_libvirt"])
    cloud.run("deploy")
    assert (boot_of(server), qemu_pid(server.id)) == (boot, pid)
    assert "no other compute host is up and enabled" in cloud.run("drain", "node1", expect=1)
    assert "did you mean 'node2'" in cloud.run("undrain", "nod2", expect=1)


@pytest.mark.long
def test_a_server_moves_with_its_disk_while_it_is_off(
    cloud: Kolla, openstack: OpenStack, servers: Mapping[str, Server]
) -> None:
    server = servers["node2"]
    cloud.run("undrain", "node2")
    server.login.run("echo kept > /root/note && sync")
    openstack.act(server.id, "migrate")
    openstack.wait_for_server(server.id, "VERIFY_RESIZE")
    openstack.act(server.id, "confirmResize")
    openstack.wait_for_server(server.id)
    assert place_of(openstack, server) == "node2"
    server.login.wait(120)
    assert server.login.run("cat /root/note").strip() == "kept"


def test_a_host_that_reboots_in_mid_deploy(rig: Rig, cloud: Kolla, servers: Mapping[str, Server]) -> None:
    server = servers["node2"]
    before = started(rig, "node2")["nova_compute"]
    cloud.set(nova_reserved_host_memory_mb=600)
    deploy = subprocess.Popen(
        cloud.arguments("deploy"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    until(lambda: started(rig, "node2").get("nova_compute") != before, 120, "node2 is being changed")
    rig.kill("node2")
    said, _ = deploy.communicate(timeout=240)
    assert deploy.returncode == 1, said
    assert "node2" in said
    assert qemu_pids(server.id) == []
    rig.start("node2")
    cloud.run("deploy")
    assert cloud.plan() == []
    assert names(rig, "node2") == COMPUTE


def seen_of(rig: Rig, openstack: OpenStack, server: Server) -> str:
    """What tells why a server of node2 does not answer."""
    ports = "ovs-vsctl --columns=name,ifindex,ofport,admin_state,error,external_ids list Interface"
    commands = {
        "interfaces of the switch": f"docker exec openvswitch_db {ports}",
        "interfaces of the kernel": "grep . /sys/class/net/*/ifindex",
        "guests of libvirt": "docker exec nova_libvirt virsh --connect qemu:///system list --all",
        "log of the switch": "docker logs --tail 30 openvswitch_vswitchd",
        "log of nova": "tail -n 60 /var/lib/docker/volumes/kolla_logs/_data/nova/nova-compute.log",
    }
    found = openstack.server(server.id)
    parts = [f"{found['status']}, {found['OS-EXT-STS:task_state']}, {found.get('fault')}"]
    for what, command in commands.items():
        parts += [f"-- {what}", rig.run("node2", ["sh", "-c", f"{command} 2>&1 || true"])]
    log = openstack.console_log(server.id).splitlines()
    return "\n".join([*parts, "-- console", *log[-30:]])


@contextmanager
def explained(rig: Rig, openstack: OpenStack, server: Server) -> Iterator[None]:
    """What fails within says as well what the host of the server has of it."""
    try:
        yield
    except AssertionError as error:
        pytest.fail(f"{error}\n{seen_of(rig, openstack, server)}")


def logs_in_again(rig: Rig, openstack: OpenStack, servers: Mapping[str, Server]) -> None:
    """The server of node2 is active again and answers, from outside and over the tunnel."""
    server = servers["node2"]
    with explained(rig, openstack, server):
        openstack.wait_for_server(server.id)
        begun = time.monotonic()
        server.login.wait(120)
    print(f"logged in {time.monotonic() - begun:.1f} s after it was active")
    assert server.login.run("hostname").strip() == server.name
    assert log_in_through(servers["node1"], server.fixed, "hostname").strip() == server.name


def test_a_server_of_a_host_that_lost_power_is_off_and_starts_again(
    rig: Rig, openstack: OpenStack, servers: Mapping[str, Server]
) -> None:
    """As docs/troubleshooting.md says: nova notices, and `openstack server start` is all there is to do."""
    with explained(rig, openstack, servers["node2"]):
        openstack.wait_for_server(servers["node2"].id, "SHUTOFF", seconds=180)
    openstack.act(servers["node2"].id, "os-start")
    logs_in_again(rig, openstack, servers)


def test_a_compute_host_that_is_off_is_named_and_the_others_are_deployed(
    rig: Rig, cloud: Kolla, servers: Mapping[str, Server]
) -> None:
    cloud.set(nova_scheduler_workers=2)
    rig.kill("node2")
    said = cloud.run("deploy", expect=1)
    assert "node2" in said
    assert "cannot be reached" in said
    before = started(rig, "node1")["nova_scheduler"]
    cloud.run("deploy", "--limit", "node1")
    assert started(rig, "node1")["nova_scheduler"] != before
    assert servers["node1"].login.run("hostname").strip() == servers["node1"].name


def test_a_hard_reboot_brings_the_server_back_whether_nova_has_noticed_or_not(
    rig: Rig, cloud: Kolla, openstack: OpenStack, servers: Mapping[str, Server]
) -> None:
    """The host of the test before is switched on again: a second power cut for its server."""

    def rebooted() -> bool:
        try:
            openstack.act(servers["node2"].id, "reboot", type="HARD")
        except Refused as refused:
            if refused.status != 409:  # nova is noticing at this moment
                raise
            return False
        return True

    rig.start("node2")
    cloud.run("deploy")
    until(rebooted, 60, "a hard reboot is accepted")
    logs_in_again(rig, openstack, servers)


@pytest.mark.long
def test_a_canary_is_tried_with_a_server_before_the_other_host_follows(cloud: Kolla) -> None:
    changed = cloud.override("nova/nova-compute.conf", "[DEFAULT]\nreserved_host_memory_mb = 400\n")
    verb = cloud.arguments("deploy", "--canary", "node2", "--soak", "5s")
    done = subprocess.run(verb, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    steps = (
        "container:nova-compute@node2 done",
        "job:nova/check-boot-node2/canary-1@node1 done",
        "soak:canary-1@node2 done",
        "container:nova-compute@node1 started",
    )
    places = [done.stderr.find(step) for step in steps]
    assert -1 not in places and places == sorted(places), done.stderr
    assert cloud.plan() == []
    changed.unlink()
    cloud.run("deploy")
