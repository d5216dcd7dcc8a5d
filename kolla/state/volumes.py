"""Volumes in a plan: making those that are missing, copying those that were renamed, and the epochs that tell
their contents apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from kolla.state import adoption
from kolla.state.desired import Desired, Node, image_id, volume_id
from kolla.state.host_state import HostState
from kolla.state.impact import taken_down, together
from kolla.state.orphans import mounted
from kolla.state.plan import VolumeOperation

HOST_SERVICE = "host"
"""What operations that belong to no single service are listed under."""

COPYING = 14400
"""Seconds that copying a volume may take."""


def new_epoch(cloud_id: str, host: str, volume: str, precondition: str) -> str:
    """The epoch of content that a volume is going to get.

    It is derived from the host state as a whole (`precondition`): a job done for an earlier content is part
    of that state, so no two contents with a job between them can get the same one.
    """
    seed = "\0".join((cloud_id, host, volume, precondition))
    return hashlib.sha256(seed.encode()).hexdigest()[:32]


def missing(node: Node, state: HostState, desired: Desired, precondition: str) -> Iterator[VolumeOperation]:
    """Making, taking over or copying what a container or job mounts and its host does not have."""
    for volume in node.mounted:
        if state.volumes.get(volume) is not None:
            continue
        former = desired.former_volumes.get(volume, "")
        if state.volumes.get(former) is not None:
            yield _copied(volume, former, node, state, desired)
            continue
        adopt = adoption.adopts_volume(desired, volume, state)
        yield VolumeOperation(
            id=volume_id(volume, node.host),
            host=node.host,
            service=HOST_SERVICE if volume.startswith("kolla_") else node.service,
            causes=("it keeps its data",) if adopt else ("it does not exist",),
            volume=volume,
            epoch=new_epoch(desired.cloud_id, node.host, volume, precondition),
            adopt=adopt,
            owner=adoption.owner(desired, volume, node.host) if adopt else 0,
        )


def _copied(volume: str, former: str, node: Node, state: HostState, desired: Desired) -> VolumeOperation:
    """Copying what is in a volume to the one that has its place now, while nothing uses it."""
    stops = tuple(sorted(name for name, there in state.containers.items() if former in mounted(there)))
    waiting = [c for c in desired.containers_on(node.host) if volume in c.mounted]
    down = [c for c in waiting if {c.spec.name, *c.formerly} & set(stops)]
    return VolumeOperation(
        id=volume_id(volume, node.host),
        host=node.host,
        service=node.service,
        causes=(f"it was called {former}", *(f"stops container {name} meanwhile" for name in stops)),
        impact=together(taken_down(container, alone=not container.redundant) for container in down),
        # What takes long and interrupts nobody is done before.
        after=tuple(sorted({image_id(c.image.name, node.host) for c in waiting})),
        timeout=COPYING,
        volume=volume,
        epoch=state.volumes[former] or "",
        source=former,
        stops=stops,
    )
