"""Deriving what services need of the hosts themselves: the `host:` section of their `service.yml`, and rules
of a firewall where hosts are to have one."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping

from kolla.catalogue.model import ServiceFolder
from kolla.errors import InputError
from kolla.state.firewall import firewall
from kolla.state.render import Renderer
from kolla.state.resources import Resources, boot_files
from kolla.state.topology import Topology, engine_name, service_file

HostNeeds = Mapping[tuple[str, str], Resources]
"""(host, service) -> what the service needs there; only where that is anything."""


def host_needs(topology: Topology, renderer: Callable[[ServiceFolder, str, str], Renderer]) -> HostNeeds:
    """What every enabled service needs of every host. InputError when two need what excludes each other."""
    needs: dict[tuple[str, str], Resources] = {}
    claims: dict[tuple[str, str, str], tuple[str, str]] = {}
    for folder in topology.settings.services:
        for host in topology.resource_hosts(folder):
            resources = _resources(topology, folder, renderer(folder, host, ""))
            if resources:
                _claim(claims, folder, host, resources)
                needs[host, folder.name] = resources
    for place, rules in firewall(topology, renderer).items():
        needs[place] = needs.get(place, Resources()).model_copy(update={"firewall": rules})
    return needs


def _resources(topology: Topology, folder: ServiceFolder, renderer: Renderer) -> Resources:
    """Optional modules that the kernel does not have are left out: there is nothing to do about them."""
    asked = folder.service.host
    available = topology.kernel_modules(renderer.host)
    resources = Resources(
        modules=tuple(m.name for m in asked.modules if not m.optional or m.name in available),
        sysctls={name: " ".join(renderer.text(value).split()) for name, value in asked.sysctls.items()},
        shared_mounts=tuple(
            posixpath.normpath(path) for text in asked.shared_mounts if (path := renderer.text(text))
        ),
        directories={posixpath.normpath(path): mode for path, mode in asked.directories.items()},
        at_destroy={
            engine_name(name): tuple(renderer.text(word) for word in command)
            for name, command in asked.at_destroy.items()
            if renderer.host in topology.hosts_of(folder, name)
        },
    )
    return resources.model_copy(update={"files": boot_files(folder.name, resources)})


def _claim(
    claims: dict[tuple[str, str, str], tuple[str, str]], folder: ServiceFolder, host: str, wanted: Resources
) -> None:
    """Note which service wants which value; InputError when another one wants another."""
    for kind, values in (("sysctl", wanted.sysctls), ("directory", wanted.directories)):
        for name, value in values.items():
            service, other = claims.setdefault((host, kind, name), (folder.name, value))
            if other != value:
                raise InputError(
                    f"{kind} {name} is to be {other} for service '{service}' and {value} for "
                    f"'{folder.name}' on host '{host}'",
                    where=service_file(folder),
                    expected="one value that is good for both",
                )
