"""The TCP sockets that containers listen on."""

from __future__ import annotations

from kolla.catalogue.model import ServiceFolder
from kolla.state.render import Renderer
from kolla.state.topology import Topology

Socket = tuple[str, int]
"""Address and port."""


def sockets(topology: Topology, folder: ServiceFolder, name: str, renderer: Renderer) -> tuple[Socket, ...]:
    """Those of one container of a service on the renderer's host: of its endpoints, of its `ports`, and, of
    the proxy, of whatever it listens for."""
    address = topology.api_addresses[renderer.host]
    served = [n for n, e in folder.service.endpoints.items() if e.container == name]
    found = [(address, topology.endpoints[n].port) for n in served]
    ports = (renderer.text(port) for port in folder.service.containers[name].ports)
    found += [(address, int(port)) for port in ports if port]
    if topology.is_proxy(folder, name):
        found += [socket for listener in topology.listeners for socket in listener.sockets]
    return tuple(sorted(set(found)))
