"""A container that does not do its work is unhealthy, and is healthy again as soon as it does."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import docker
import docker.errors
import pytest
from system.client import Demo, until
from system.harness import Kolla, qemu_pid

from bench.machine import processes

ON_THE_BUS = ("nova_compute", "nova_conductor", "nova_scheduler", "neutron_rpc_server")
ON_THE_OVERLAY = ("neutron_ovn_metadata_agent", "ovn_controller")


def complaint(engine: docker.DockerClient, name: str) -> str:
    """What the container's own health check has to say at this moment; empty when it passes.

    It is run here instead of waiting for the engine's turn.
    """
    container = engine.containers.get(name)
    check = container.attrs["Config"]["Healthcheck"]
    kind, *command = check["Test"]
    assert kind == "CMD"
    try:
        status, output = container.exec_run(["timeout", str(check["Timeout"] // 10**9), *command])
    except docker.errors.APIError as error:  # it does not run
        return str(error)
    return (output.decode().strip() or f"status {status}") if status else ""


def passes(engine: docker.DockerClient, name: str) -> bool:
    return complaint(engine, name) == ""


def verdict(engine: docker.DockerClient, name: str) -> str:
    """What the engine thinks of it."""
    status: str = engine.containers.get(name).attrs["State"]["Health"]["Status"]
    return status


def all_pass(engine: docker.DockerClient, names: Sequence[str]) -> bool:
    return all(passes(engine, name) for name in names)


def none_passes(engine: docker.DockerClient, names: Sequence[str]) -> bool:
    return not any(passes(engine, name) for name in names)


def services_up(demo: Demo) -> set[str]:
    """Programs of the compute service that report."""
    services = demo.openstack.get("compute", "/os-services")["services"]
    return {service["binary"] for service in services if service["state"] == "up"}


@contextmanager
def hanging(engine: docker.DockerClient, *names: str) -> Iterator[None]:
    """Containers whose processes are there and do nothing, for the time of the context."""
    pids = [pid for name in names for pid in processes(engine.containers.get(name))]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_services_without_their_message_bus_are_unhealthy_until_it_is_back(
    cloud: Kolla, demo: Demo, engine: docker.DockerClient
) -> None:
    assert all_pass(engine, ON_THE_BUS)
    bus = engine.containers.get("rabbitmq")
    bus.stop()
    try:
        until(lambda: none_passes(engine, ON_THE_BUS), 30, "unhealthy without a message bus")
        until(lambda: verdict(engine, "nova_conductor") == "unhealthy", 150, "the engine's verdict")
    finally:
        bus.start()
    until(lambda: all_pass(engine, ON_THE_BUS), 90, "healthy again by themselves")
    until(lambda: verdict(engine, "nova_conductor") == "healthy", 60, "the engine's verdict")


@pytest.mark.long
def test_services_that_hang_are_unhealthy_until_they_go_on(
    cloud: Kolla, demo: Demo, engine: docker.DockerClient
) -> None:
    names = ("nova_conductor", "nova_scheduler", "nova_compute", *ON_THE_OVERLAY)
    assert all_pass(engine, names)
    begun = time.monotonic()
    with hanging(engine, *names):
        until(lambda: none_passes(engine, names), 180, "unhealthy")
        until(lambda: services_up(demo) == set(), 120, "the compute API misses them")
        said = cloud.run("check", "nova", expect=1)
        assert all(f"{name.replace('_', '-')} on " in said for name in names if name.startswith("nova_")), (
            said
        )
    print(f"noticed after {time.monotonic() - begun:.0f} s")
    until(lambda: all_pass(engine, names), 60, "healthy again by themselves")


@pytest.mark.parametrize(
    "name", ["openvswitch_vswitchd", "openvswitch_db", "nova_libvirt", "ovn_nb_db", "ovn_sb_db"]
)
def test_a_switch_a_hypervisor_or_a_database_that_hangs_is_unhealthy_until_it_goes_on(
    cloud: Kolla, demo: Demo, engine: docker.DockerClient, name: str
) -> None:
    pid = qemu_pid(demo.id)
    with hanging(engine, name):
        assert not passes(engine, name)
    until(lambda: passes(engine, name), 60, "healthy again")
    assert qemu_pid(demo.id) == pid


@pytest.mark.usefixtures("as_it_was")
def test_an_api_that_answers_500_is_unhealthy_and_no_deploy_is_content_with_it(
    cloud: Kolla, demo: Demo, engine: docker.DockerClient
) -> None:
    # An application that answers everything with 500.
    cloud.override("glance/uwsgi.ini", "[uwsgi]\nmodule = webob.exc:HTTPInternalServerError()\n")
    deploy = subprocess.Popen(cloud.arguments("deploy"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: "status 500" in complaint(engine, "glance_api"), 60, "the health check's complaint")
        assert deploy.poll() is None
    finally:
        deploy.send_signal(signal.SIGINT)
        # 130; or 1 in the end, where whoever runs the tests has interrupts ignored.
        assert deploy.wait() in (130, 1)
