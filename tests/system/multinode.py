"""Clouds on the hosts of a rig, as an operator makes them: settings, images through a registry, SSH."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from system.harness import Kolla
from system.rig import Rig, cloud_files
from system.rig.builds import take_over_usual

from kolla.places import state_root

HOST = "node1"
"""The host of a cloud that has one."""
VERBS = ("bootstrap-servers", "prechecks", "deploy")
NO_SERVERS = {
    f"enable_{service}": False
    for service in ("glance", "placement", "nova", "neutron", "ovn", "openvswitch", "demo")
}
"""Settings of a cloud of identity and what it needs: tests of something else would only wait for the rest."""


@dataclass(frozen=True)
class OneHost:
    """A host, and the cloud on it."""

    rig: Rig
    cloud: Kolla

    def run(self, *command: str) -> str:
        """Run a command on the host; its output."""
        return self.rig.run(HOST, command)


@contextmanager
def cloud_on(
    rig: Rig,
    directory: Path,
    name: str,
    groups: str,
    settings: Mapping[str, Any],
    machine: Path | None,
) -> Iterator[Kolla]:
    """A cloud of this name, deployed; `groups` is an inventory beside the rig's own. What it keeps on this
    machine goes at the end, the hosts stay as they are."""
    (directory / "groups").write_text(groups)
    given = yaml.safe_load(machine.read_text()) if machine else {}
    given |= {**cloud_files.of_any(name, rig.subnet("api"), rig.registry), **settings}
    (directory / "globals.yml").write_text(yaml.safe_dump(given))
    own = state_root() / name
    take_over_usual(own)
    # Those of a run that was killed are of hosts that are gone.
    (own / "facts.json").unlink(missing_ok=True)
    shutil.rmtree(own / "revisions", ignore_errors=True)
    cloud = Kolla(directory, ("-i", str(rig.inventory), "-i", str(directory / "groups")))
    try:
        for verb, *words in (
            ("genpwd",),
            # Whatever engine the hosts have, images are built by this machine's.
            ("build", "--push", "--profile", "enabled", "--engine", "docker"),
            *((verb,) for verb in VERBS),
        ):
            begun = time.monotonic()
            cloud.run(verb, *words)
            print(f"{verb}: {time.monotonic() - begun:.1f} s")
        yield cloud
    finally:
        shutil.rmtree(own, ignore_errors=True)


@contextmanager
def cloud_with_servers(
    rig: Rig,
    directory: Path,
    name: str,
    settings: Mapping[str, Any],
    machine: Path | None,
    *,
    controllers: Sequence[str] = (HOST,),
    compute: Sequence[str] = (HOST,),
    more_groups: str = "",
) -> Iterator[Kolla]:
    """The same with emulated servers, floating IPs of the rig's external network, and all that
    `init-runonce` makes. `more_groups` is an inventory beside the usual groups."""
    outside = rig.subnet("external")
    groups = cloud_files.groups(controllers, compute, outside, neutron_external_interface="eth2")
    settings = {**cloud_files.of_servers(outside), **settings}
    with cloud_on(rig, directory, name, f"{groups}\n{more_groups}", settings, machine) as cloud:
        cloud.run("post-deploy")
        cloud.run("init-runonce")
        yield cloud


@contextmanager
def one_host(
    name: str, directory: Path, settings: Mapping[str, Any], machine: Path | None, *, more_groups: str = ""
) -> Iterator[OneHost]:
    """The same on a host of its own, which goes at the end."""
    with (
        Rig.running(name, [HOST]) as rig,
        cloud_with_servers(rig, directory, name, settings, machine, more_groups=more_groups) as cloud,
    ):
        yield OneHost(rig, cloud)
