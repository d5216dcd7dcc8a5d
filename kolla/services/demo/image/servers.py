"""What servers need, and the server itself, up to its floating IP and a login."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import login
import openstack
import rules
from work import Refused, Work, wait_for

KEY = Path("/etc/kolla/demo_key")
KEY_PAIR = "kolla-demo"

PLACE_TIMEOUT = 180
"""Seconds until a host offers room: one whose compute service has just started is known after some time."""
SERVER_TIMEOUT = 300
"""Seconds until a server is active; the first one copies the image to its host."""
FAULT_TIMEOUT = 10
"""Seconds until a server in error says why."""
LOGIN_TIMEOUT = 240
"""Seconds until an active server is logged in to: 10 when emulated on an idle machine, many on a busy one."""
CONSOLE_LINES = 15

PLACEMENT_VERSION = "1.29"
"""The first whose candidates take nested providers into account; traits and what is forbidden are older."""


def ensure_quotas(work: Work) -> None:
    """What the project may have, at least."""
    present = work.cloud.compute.get_quota_set(work.project).to_dict()
    known = {key: value for key, value in present.items() if type(value) is int}
    try:
        raised = rules.raised(known, work.settings["quotas"])
    except ValueError as error:
        raise Refused(str(error)) from None
    if raised:
        work.cloud.compute.update_quota_set(work.project, **raised)
        work.changed(f"quotas raised: {', '.join(f'{key} {value}' for key, value in raised.items())}")


def ensure_flavors(work: Work) -> None:
    """Flavours; one cannot be changed once it is there."""
    found = {flavor.name: flavor for flavor in work.cloud.compute.flavors(get_extra_specs=False)}
    for wanted in work.settings["flavors"]:
        flavor = found.get(wanted["name"])
        if flavor is None:
            work.cloud.compute.create_flavor(**wanted)
            work.changed(f"flavour {wanted['name']} made")
            continue
        if refusal := rules.flavor_differs({key: getattr(flavor, key) for key in wanted}, wanted):
            raise Refused(refusal)


def ensure_key(work: Work) -> None:
    """The key pair of our key."""
    public = subprocess.run(
        ["ssh-keygen", "-y", "-f", KEY], capture_output=True, text=True, check=True
    ).stdout.strip()
    found = work.cloud.compute.find_keypair(KEY_PAIR)
    if found is not None and rules.same_key(found.public_key, public):
        return
    if found is not None:
        work.cloud.compute.delete_keypair(found)
    work.cloud.compute.create_keypair(name=KEY_PAIR, public_key=public)
    work.changed(f"key pair {KEY_PAIR} made")


def ensure_server(work: Work, image: Any, network: Any) -> Any:
    """The server, which may still be starting."""
    wanted = work.settings["server"]
    server = work.own(work.cloud.compute.servers(name=f"^{wanted['name']}$"), f"servers '{wanted['name']}'")
    if server is not None and server.status == "ERROR" and server.launched_at is None:
        work.cloud.compute.delete_server(server)
        work.cloud.compute.wait_for_delete(server, wait=SERVER_TIMEOUT)
        work.changed(f"server {server.name}, which never started, removed")
        server = None
    if server is None:
        flavor = work.cloud.compute.find_flavor(wanted["flavor"], ignore_missing=False)
        wait_for_place(work, flavor)
        server = work.cloud.compute.create_server(
            name=wanted["name"],
            flavor_id=flavor.id,
            image_id=image.id,
            key_name=KEY_PAIR,
            networks=[{"uuid": network.id}],
        )
        work.changed(f"server {server.name} made")
    else:
        start_if_stopped(work, server)
    return server


def start_if_stopped(work: Work, server: Any) -> None:
    """Start the server when nova knows it as stopped."""
    if server.status == "SHUTOFF":
        work.cloud.compute.start_server(server)
        work.changed(f"server {server.name} started")


def wait_for_place(work: Work, flavor: Any) -> None:
    """Wait until a host can take a server of the flavour; else say what each of them lacks."""
    wanted = {"VCPU": flavor.vcpus, "MEMORY_MB": flavor.ram, "DISK_GB": flavor.disk}
    wanted = {name: amount for name, amount in wanted.items() if amount}
    query = {
        "resources": ",".join(f"{name}:{amount}" for name, amount in wanted.items()),
        "required": f"!{rules.DISABLED}",
        "limit": 1,
    }

    def candidates() -> Any:
        answer = work.cloud.placement.get(
            "/allocation_candidates", params=query, microversion=PLACEMENT_VERSION
        )
        openstack.exceptions.raise_from_response(answer)
        return answer.json()["allocation_requests"]

    def ready() -> bool:
        services = work.cloud.compute.services(binary="nova-compute")
        return any(each.state == "up" and each.status == "enabled" for each in services)

    wait_for(lambda: candidates() or rules.settled(wanted, providers(work)), PLACE_TIMEOUT)
    if not candidates():
        reason = rules.why_no_place(wanted, providers(work))
        raise Refused(f"no host can take a server of flavour {flavor.name}: {reason}")
    if not wait_for(ready, PLACE_TIMEOUT):
        raise Refused("no compute service is up and enabled; see: openstack compute service list")


def providers(work: Work) -> Iterator[rules.Provider]:
    """Compute hosts as placement knows them."""
    for provider in work.cloud.placement.resource_providers():
        parts = {
            part: work.cloud.placement.get(
                f"/resource_providers/{provider.id}/{part}", microversion=PLACEMENT_VERSION
            ).json()[part]
            for part in ("inventories", "usages", "traits")
        }
        yield rules.Provider(provider.name, parts["inventories"], parts["usages"], frozenset(parts["traits"]))


def wait_for_server(work: Work, identifier: str) -> Any:
    """The server when it is active; why it failed, if it did."""

    def ended() -> Any:
        server = work.cloud.compute.get_server(identifier)
        return server if server.status in ("ACTIVE", "ERROR") else None

    server = wait_for(ended, SERVER_TIMEOUT)
    if server is None:
        server = work.cloud.compute.get_server(identifier)
        doing = server.task_state or server.status
        raise Refused(f"server {server.name} is not active after {SERVER_TIMEOUT} s: {doing}")
    if server.status == "ERROR":
        # The state is written before the fault.
        found = wait_for(lambda: work.cloud.compute.get_server(identifier).fault, FAULT_TIMEOUT) or {}
        fault = found.get("message", "nova does not say why")
        raise Refused(f"server {server.name} is in error: {fault}")
    return server


def ensure_address(work: Work, server: Any, outside: Any) -> str:
    """The floating IP of the server."""
    port = next(iter(work.cloud.network.ports(device_id=server.id)), None)
    if port is None:
        raise Refused(f"server {server.name} has no port: remove it and run this again")
    for address in work.cloud.network.ips(port_id=port.id):
        return str(address.floating_ip_address)
    address = work.cloud.network.create_ip(floating_network_id=outside.id, port_id=port.id)
    work.changed(f"floating IP {address.floating_ip_address} given to server {server.name}")
    return str(address.floating_ip_address)


def console(work: Work, server: Any) -> str:
    """The last lines of the server's console; why there are none, if so."""
    try:
        return work.cloud.compute.get_server_console_output(server, length=CONSOLE_LINES).get("output") or ""
    except openstack.exceptions.SDKException as error:
        return str(error)


def log_in(work: Work, server: Any, address: str) -> None:
    """Log in to the server, and see that it knows its name and can ask for it."""
    last = ""

    def names() -> login.Names | None:
        nonlocal last
        try:
            return login.names(str(KEY), work.settings["image"]["user"], address)
        except login.NotYet as error:
            last = str(error)
            # Nova finds out late that a host has lost its power: such a server was active a moment ago.
            start_if_stopped(work, work.cloud.compute.get_server(server.id))
            return None

    found = wait_for(names, LOGIN_TIMEOUT)
    if found is None:
        print(f"last lines of the console of {server.name}:\n{console(work, server)}", flush=True)
        raise Refused(
            f"server {server.name} cannot be logged in to at {address} after {LOGIN_TIMEOUT} s: {last}; "
            f"see: openstack console log show {server.name}"
        )
    for whose, name in (("itself", found.own.partition(".")[0]), ("its metadata", found.told)):
        if name.lower() != server.name.lower():
            raise Refused(f"the server at {address} should be {server.name}, but {whose} says '{name}'")
