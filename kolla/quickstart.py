"""From nothing to an all-in-one cloud, by calling only what an operator could call as well."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml

from kolla.api import Cloud
from kolla.configuration import THIS_MACHINE, Configuration
from kolla.errors import InputError, KollaError, Location
from kolla.events import Event, Listener
from kolla.places import write_private

FIRST = "init-runonce"
"""The verb with which services make the first things inside a new cloud, where one has it."""

COMMENTS = {
    "network_interface": (
        "One machine: services listen on the loopback interface, the load balancer on the machine's own\n"
        "address, so that neither needs an address nobody has given us."
    ),
    "neutron_bridge_address": "This machine's address on the external network, to reach floating IPs from.",
    "nova_compute_virt_type": "Servers are emulated: slow, and works everywhere. kvm: docs/quickstart.md",
}
"""Why quickstart sets what it sets, for those who read its globals.yml."""


class _Result(Protocol):
    @property
    def exit_code(self) -> int: ...

    def text(self) -> str: ...

    def to_json(self) -> Any: ...


@dataclass(frozen=True)
class Quickstarted:
    """A cloud that is ready, how long each phase took, and how to go on."""

    phases: tuple[tuple[str, float], ...]
    checks: str
    """What the last look at all of it found, in one sentence."""
    server: Mapping[str, Any]
    """What the first verb inside the cloud said of its work; empty without one."""
    config_directory: Path
    logs: str
    exit_code: int = 0

    def to_json(self) -> Any:
        """Seconds by phase, and where things are."""
        return {
            "phases": dict(self.phases),
            "checks": self.checks,
            "server": dict(self.server),
            "config_directory": str(self.config_directory),
            "logs": self.logs,
        }

    def text(self) -> str:
        """The summary an operator reads."""
        config = self.config_directory
        width = max(len(name) for name, _ in self.phases)
        times = [f"    {name:<{width}}  {seconds:6.1f}s" for name, seconds in self.phases]
        total = sum(seconds for _, seconds in self.phases)
        return "\n".join(
            [
                "The cloud is ready.",
                "",
                f"  checked   {self.checks}",
                *self._server(),
                f"  use it    export OS_CLIENT_CONFIG_FILE={config}/clouds.yaml OS_CLOUD=kolla-admin",
                "            openstack server list",
                f"            (or: source {config}/admin-openrc.sh)",
                f"  settings  {config}/globals.yml, overrides in {config}/config/",
                "            then: kolla plan, kolla deploy",
                f"  logs      {self.logs}; kolla logs CONTAINER; kolla status",
                "  remove    make clean-cloud",
                "",
                "  how long it took",
                *times,
                f"    {'in all':<{width}}  {total:6.1f}s",
            ]
        )

    def _server(self) -> list[str]:
        if not self.server:
            return []
        begun = [command.format(directory=self.config_directory) for command in self.server.get("next", ())]
        return [f"  server    {self.server['message']}", *(f"            {command}" for command in begun)]


def quickstart(make_cloud: Callable[[], Cloud], extra: Path | None, progress: Listener) -> Quickstarted:
    """Write a configuration unless there is one of ours, then call the verbs one after the other.

    `extra` is a YAML file of settings added to the written globals.yml. InputError when the
    configuration directory holds one that is not ours; KollaError when a verb fails.
    """
    configure(make_cloud().configuration, extra)
    cloud = make_cloud()
    phases: list[tuple[str, float]] = []

    def phase(name: str, verb: Callable[[], _Result]) -> _Result:
        begun = time.monotonic()
        progress(Event("quickstart", "started", name))
        result = verb()
        seconds = time.monotonic() - begun
        phases.append((name, seconds))
        progress(Event("quickstart", "failed" if result.exit_code else "done", name, seconds=seconds))
        if result.exit_code:
            raise KollaError(f"{name} failed\n{result.text()}", hint="mend the cause, then run it again")
        return result

    phase("passwords", lambda: _remembered(cloud))
    phase("bootstrap-servers", cloud.bootstrap_servers)
    phase("build", cloud.build)
    phase("prechecks", cloud.prechecks)
    phase("deploy", cloud.deploy)
    phase("post-deploy", cloud.post_deploy)
    first = phase(FIRST, lambda: cloud.run_verb(FIRST)).to_json() if FIRST in cloud.verbs() else []
    checked = phase("check", cloud.check)
    return Quickstarted(
        phases=tuple(phases),
        checks=checked.text().splitlines()[0],
        server=first[0]["result"] if first else {},
        config_directory=cloud.configuration.directory,
        logs="volume kolla_logs (/var/lib/docker/volumes/kolla_logs/_data)",
    )


def configure(configuration: Configuration, extra: Path | None) -> None:
    """Write globals.yml and an inventory, unless an earlier quickstart did."""
    directory = configuration.directory
    path = directory / "globals.yml"
    if path.exists():
        if path not in configuration.made:
            raise InputError(
                f"{directory} holds a configuration that kolla quickstart did not make",
                where=Location(path),
                hint="use it with kolla deploy, or give another directory: --configdir DIRECTORY",
            )
        return
    directory.mkdir(parents=True, exist_ok=True)
    write_private(path, _globals(own_address(), _read(extra)))
    inventory = directory / "inventory"
    write_private(inventory, THIS_MACHINE.read_text())
    written = Configuration(directory, service_paths=configuration.service_paths)
    written.remember(path)
    written.remember(inventory)


def own_address() -> str:
    """The address this machine reaches others from. Nothing is sent: connecting a datagram socket only
    chooses a route (connect(2)); the destination is a documentation address (RFC 5737)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            raise InputError(
                "this machine has no route, so there is no address to offer the cloud on",
                hint="write globals.yml yourself (kolla_internal_vip_address) and use kolla deploy",
            ) from None
        return str(probe.getsockname()[0])


def _globals(address: str, extra: Mapping[str, Any]) -> str:
    settings = {
        "network_interface": "lo",
        "kolla_internal_vip_address": address,
        "neutron_bridge_address": "10.0.2.1/24",
        "nova_compute_virt_type": "qemu",
        **extra,
    }
    lines = ["# Made by kolla quickstart. Every key there is: docs/reference/settings.md"]
    for key, value in settings.items():
        lines += [f"# {line}" for line in COMMENTS.get(key, "").splitlines()]
        lines.append(yaml.safe_dump({key: value}, sort_keys=False).rstrip("\n"))
    return "\n".join(lines) + "\n"


def _read(extra: Path | None) -> Mapping[str, Any]:
    if extra is None:
        return {}
    try:
        document = yaml.safe_load(extra.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"cannot be read: {error}", where=Location(extra)) from None
    return document if isinstance(document, dict) else {}


def _remembered(cloud: Cloud) -> _Result:
    written = cloud.genpwd()
    for path in written.paths:
        cloud.configuration.remember(path)
    return written
