"""What `destroy` would remove from this host. Reads only, takes no lock."""

from __future__ import annotations

import os
from pathlib import Path

from .cloud import Cloud
from .containers import base_name
from .deadline import Deadline
from .engine import EngineUnreachable
from .manifest import Manifest
from .own import engine_of, own_containers
from .projection import LABEL_CLOUD
from .shapes import Json

PATIENCE = 5
"""Seconds for counting what is in all volumes; the size of the others is then not told."""


def holdings(request: Json) -> Json:
    """Containers, volumes with their bytes (null: not counted), images by their tags, and packages."""
    cloud = Cloud.of(request)
    manifest = Manifest(cloud)
    found: Json = {"containers": [], "volumes": {}, "images": [], "packages": manifest.entries("packages")}
    try:
        engine = engine_of(request, cloud)
    except EngineUnreachable:
        return found
    found["containers"] = sorted(name for name in own_containers(engine, cloud) if name == base_name(name))
    deadline = Deadline(PATIENCE)
    found["volumes"] = {
        volume["Name"]: size(Path(volume["Mountpoint"]), deadline)
        for volume in engine.volumes(f"{LABEL_CLOUD}={cloud.id}")
    }
    images = [(image, engine.image(image)) for image in manifest.entries("images")]
    found["images"] = [(known["RepoTags"] or [image])[0] for image, known in images if known]
    return found


def size(directory: Path, deadline: Deadline) -> int | None:
    """Bytes of the files below a directory, None when the time is over before they are counted."""
    total = 0
    for path, _, names in os.walk(directory):
        if deadline.passed:
            return None
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total
