"""Volumes in a plan: making those that are missing, and the epochs that tell their contents apart."""

from __future__ import annotations

import hashlib

from kolla.state.desired import Node, volume_id
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


def missing(node: Node, state: HostState, cloud_id: str, precondition: str) -> list[VolumeOperation]:
    """Making the volumes that a container or job mounts and its host does not have."""
    return [
        VolumeOperation(
            id=volume_id(mount.source, node.host),
            host=node.host,
            service=HOST_SERVICE if mount.source.startswith("kolla_") else node.service,
            causes=("it does not exist",),
            volume=mount.source,
            epoch=new_epoch(cloud_id, node.host, mount.source, precondition),
        )
        for mount in node.spec.mounts
        if mount.type == "volume" and state.volumes.get(mount.source) is None
    ]
