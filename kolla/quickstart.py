"""From nothing to an all-in-one cloud, by calling only what an operator could call as well."""

from __future__ import annotations

import ipaddress
import os
import shlex
import shutil
import socket
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kolla import yamlfile
from kolla.ansible.inventory import THIS_MACHINE
from kolla.api import Cloud
from kolla.configuration import Configuration
from kolla.errors import InputError, KollaError, Location
from kolla.events import Event, Listener
from kolla.hosts import Hosts
from kolla.places import write_private
from kolla.settings import globals as globals_file
from kolla.state.free_network import FIRST as USUAL_NETWORK
from kolla.state.free_network import free_network, led_to

FIRST = "init-runonce"
"""The verb with which services make the first things inside a new cloud, where one has it."""

USUAL_DIRECTORY = Path("/etc/kolla")
"""The configuration directory that no command has to name."""

COMMENTS = {
    "network_interface": (
        "One machine: services listen on the loopback interface, the load balancer on the machine's own\n"
        "address, so that neither needs an address nobody has given us."
    ),
    "nova_compute_virt_type": "Servers are emulated: slow, and works everywhere. kvm: docs/quickstart.md",
}
"""Why quickstart sets what it sets, for those who read its globals.yml."""


EXTERNAL = (
    "neutron_bridge_address",
    "demo_external_cidr",
    "demo_external_gateway",
    "demo_external_range",
)
"""The settings of the external network, which belong together."""

EXTERNAL_COMMENT = (
    "The external network ends on this machine, whose address on it this is, to reach floating IPs from.\n"
    "It led nowhere when this was written. The four belong together: change all or none."
)


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
    command: str = "kolla"
    """How to call kolla here, where the shell may not find it."""
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
                *self._made(),
                f"  clients   export OS_CLIENT_CONFIG_FILE={config}/clouds.yaml OS_CLOUD=kolla-admin",
                f"            (or: source {config}/admin-openrc.sh; for an openstack client of your own)",
                f"  settings  {config}/globals.yml, overrides in {config}/config/",
                f"            then: {self.command} plan",
                f"            and:  {self.command} deploy",
                f"  logs      {self.logs}",
                f"            {self.command} logs CONTAINER",
                f"            {self.command} status",
                "  remove    make clean-cloud",
                "",
                "  how long it took",
                *times,
                f"    {'in all':<{width}}  {total:6.1f}s",
            ]
        )

    def _made(self) -> list[str]:
        """What the first verb made, and its commands to go on with as they are typed here: what they read is
        root's, as kolla is called."""
        if not self.server:
            return []
        sudo = "sudo " if self.command.startswith("sudo ") else ""
        names = {"directory": self.config_directory, "kolla": self.command.removeprefix(sudo)}
        begun = [sudo + command.format(**names) for command in self.server.get("next", ())]
        return [f"  made      {self.server['message']}", *(f"            {command}" for command in begun)]


def quickstart(make_cloud: Callable[[], Cloud], extra: Path | None, progress: Listener) -> Quickstarted:
    """Write a configuration unless there is one of ours, then call the verbs one after the other.

    `extra` is a YAML file of settings added to the written globals.yml. InputError when the
    configuration directory holds one that is not ours; KollaError when a verb fails.
    """
    said = configure(make_cloud().configuration, extra)
    if said:
        progress(Event("quickstart", "done", "settings", message=said))
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
    if settle_external(cloud.configuration, progress):
        cloud = make_cloud()
    # Counted to have them read: what is wrong with them is told before anything is installed or built.
    services = len(cloud.configuration.settings.services)
    progress(Event("quickstart", "done", "settings", message=f"for {services} services"))
    phase("bootstrap-servers", cloud.bootstrap_servers)
    phase("build", lambda: cloud.build(chosen={"profile": ["enabled"]}))
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
        logs="volume kolla_logs of each host (docker volume inspect kolla_logs says where it is there)",
        command=own_command(cloud.configuration.directory),
    )


def configure(configuration: Configuration, extra: Path | None) -> str:
    """Write globals.yml and an inventory; if an earlier quickstart did, add to its globals.yml what `extra`
    says. A sentence about what changed there; empty when nothing did.

    InputError, with nothing written, for settings in `extra` that are none.
    """
    directory = configuration.directory
    path = directory / "globals.yml"
    if path.exists() and path not in configuration.made:
        raise InputError(
            f"{directory} holds a configuration that kolla quickstart did not make",
            where=Location(path),
            hint="use it with kolla deploy, or give another directory: --configdir DIRECTORY",
        )
    added = globals_file.to_add(extra, configuration.globals.catalogue) if extra is not None else {}
    if path.exists():
        return add(path, added, f"as {extra} says")
    directory.mkdir(parents=True, exist_ok=True)
    write_private(path, _globals(own_address(), added))
    inventory = directory / "inventory"
    write_private(inventory, THIS_MACHINE.read_text())
    written = Configuration(directory, service_paths=configuration.service_paths)
    written.remember(path)
    written.remember(inventory)
    return ""


def add(path: Path, values: Mapping[str, Any], why: str) -> str:
    """Give keys of a settings file other values, the rest of it stays; which these are, in a sentence."""
    text = path.read_text()
    present = yamlfile.parse(text, path).data or {}
    changed = yamlfile.changed_keys(present, values)
    if not changed:
        return ""
    write_private(path, yamlfile.with_values(text, path, values))
    return f"{path}: {', '.join(changed)} {'is' if len(changed) == 1 else 'are'} now {why}"


def settle_external(configuration: Configuration, progress: Listener) -> bool:
    """Add to globals.yml what it does not say of the external network yet; whether anything was added."""
    value = configuration.globals.value  # all settings together cannot be right before this is done
    given = {key: item.value for key, item in configuration.globals.given.items()}
    if all(key in given for key in EXTERNAL):
        return False
    taken, bridges = [str(value("demo_network_cidr"))], str(value("neutron_bridge_name")).split(",")
    for facts in Hosts(configuration, progress).facts().values():
        taken += led_to(facts.interfaces, but=bridges)
    new = external(given, taken)
    if not new:
        return False
    path = configuration.directory / "globals.yml"
    comment = "".join(f"# {line}\n" for line in EXTERNAL_COMMENT.splitlines())
    write_private(path, yamlfile.with_values(f"{path.read_text().rstrip()}\n{comment}", path, new))
    network = new.get("demo_external_cidr", USUAL_NETWORK)
    if network != USUAL_NETWORK:
        progress(Event("quickstart", "done", "external network", message=f"{network}, in {path}"))
    return True


def external(given: Mapping[str, Any], taken: Collection[str]) -> dict[str, str]:
    """Those of the four settings of the external network that are not given, so that all fit together: of
    the network that the others name, else of one that overlaps none of `taken`.

    None where the operator has a network of his own: an interface leads to it, or this machine is to have no
    address there. InputError when no private network is free.
    """
    bridge, cidr = given.get("neutron_bridge_address"), given.get("demo_external_cidr")
    if given.get("neutron_external_interface") or bridge == "":
        return {}
    text = cidr or bridge or free_network(taken)
    if text is None:
        raise InputError(
            "every private network leads somewhere on this machine already",
            hint="name one with --globals FILE: neutron_bridge_address, demo_external_cidr",
        )
    try:
        network = ipaddress.ip_network(text, strict=False)
        own = ipaddress.ip_interface(bridge or f"{network[1]}/{network.prefixlen}")
        low, high = _free_part(network.num_addresses, int(own.ip) - int(network[0]))
        found = {
            "neutron_bridge_address": str(own),
            "demo_external_cidr": str(network),
            "demo_external_gateway": str(own.ip),
            "demo_external_range": f"{network[low]}-{network[high]}",
        }
    except (ValueError, IndexError):
        return {}  # what is wrong with a value is told when the settings are read
    return {key: value for key, value in found.items() if key not in given}


def _free_part(size: int, own: int) -> tuple[int, int]:
    """First and last number, in a network of so many addresses, of a part without our own. ValueError when it
    has no room for one."""
    if size < 4:
        raise ValueError(size)
    parts = ((150, 199), (200, 249)) if size >= 256 else ((size // 2, size - 2), (1, size // 2 - 1))
    return next(part for part in parts if not part[0] <= own <= part[1])


def own_command(directory: Path) -> str:
    """How this kolla is called for the cloud of a configuration directory: by its name where a shell finds it
    by that, and as root does it where we are root by sudo(8)."""
    own = Path(sys.executable).with_name("kolla")
    found = shutil.which("kolla")
    name = "kolla" if found is not None and Path(found).resolve() == own.resolve() else str(own)
    return shlex.join(
        [
            *(["sudo"] if "SUDO_UID" in os.environ else []),
            name,
            *([] if directory == USUAL_DIRECTORY else ["--configdir", str(directory)]),
        ]
    )


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
        "nova_compute_virt_type": "qemu",
        **extra,
    }
    lines = ["# Made by kolla quickstart. Every key there is: docs/reference/settings.md"]
    for key, value in settings.items():
        lines += [f"# {line}" for line in COMMENTS.get(key, "").splitlines()]
        lines.append(yamlfile.dump({key: value}).rstrip("\n"))
    return "\n".join(lines) + "\n"


def _remembered(cloud: Cloud) -> _Result:
    written = cloud.genpwd()
    for path in written.paths:
        cloud.configuration.remember(path)
    return written
