"""Clouds on the hosts of a rig, as an operator makes them: settings, images through a registry, SSH."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from system.harness import Kolla
from system.rig import Rig

DEPLOYMENTS = Path("/var/lib/kolla/deployment")
VERBS = ("bootstrap-servers", "prechecks", "deploy")
VIP = 250
"""Number of the virtual address in the network of the API; the cloud itself gives it to a host."""


def _being_built(directory: str, names: list[str]) -> list[str]:
    """Trees of base images that somebody builds just now, with a /proc that has no end."""
    return [name for name in names if name.startswith("base-") and Path(directory, name).is_dir()]


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
    address = str(rig.subnet("api")[VIP])
    given = yaml.safe_load(machine.read_text()) if machine else {}
    given |= {
        "cloud_name": name,
        "network_interface": "eth0",
        "kolla_internal_vip_address": address,
        "enable_keepalived": True,
        "docker_registry": rig.registry,
        "docker_registry_insecure": True,
        **settings,
    }
    (directory / "globals.yml").write_text(yaml.safe_dump(given))
    own = DEPLOYMENTS / name
    if (DEPLOYMENTS / "kolla").exists():  # what is built already need not be built for this cloud again
        shutil.copytree(DEPLOYMENTS / "kolla", own, dirs_exist_ok=True, ignore=_being_built)
    (own / "facts.json").unlink(missing_ok=True)
    shutil.rmtree(own / "revisions", ignore_errors=True)  # they are of the cloud it was built for
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
    rig: Rig, directory: Path, name: str, groups: str, settings: Mapping[str, Any], machine: Path | None
) -> Iterator[Kolla]:
    """The same with emulated servers, floating IPs of the rig's external network, and all that
    `init-runonce` makes. `{bridge}` in `groups` becomes the address of a bridge on that network."""
    outside = rig.subnet("external")
    more = {
        "openstack_service_workers": 1,
        "nova_compute_virt_type": "qemu",
        "demo_external_cidr": str(outside),
        "demo_external_gateway": str(outside[1]),
        "demo_external_range": f"{outside[100]}-{outside[150]}",
    }
    groups = groups.format(bridge=f"{outside[3]}/{outside.prefixlen}")
    with cloud_on(rig, directory, name, groups, {**more, **settings}, machine) as cloud:
        cloud.run("post-deploy")
        cloud.run("init-runonce")
        yield cloud
