"""Volumes in a plan: making those that are missing, and the epochs that tell their contents apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from kolla.state import adoption
from kolla.state.desired import Desired, Node, volume_id
from kolla.state.host_state import HostState
from kolla.state.plan import VolumeOperation

HOST_SERVICE = "host"
"""What operations that belong to no single service are listed under."""


def new_epoch(cloud_id: str, host: str, volume: str, precondition: str) -> str:
    """The epoch of content that a volume is going to get.

    It is derived from the host state as a whole (`precondition`): a job done for an earlier content is part
    of that state, so no two contents with a job between them can get the same one.
    """
    seed = "\0".join((cloud_id, host, volume, precondition))
    return hashlib.sha256(seed.encode()).hexdigest()[:32]


def missing(node: Node, state: HostState, desired: Desired, precondition: str) -> Iterator[VolumeOperation]:
    """Making or taking over the volumes that a container or job mounts and its host does not have."""
    for volume in node.mounted:
        if state.volumes.get(volume) is not None:
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
