"""The image operation."""

from __future__ import annotations

from .context import SKIPPED, Context, Outcome
from .deadline import Deadline
from .errors import OperationFailed
from .shapes import ImageOperation


def perform(operation: ImageOperation, context: Context) -> Outcome:
    """Have the image with that ID: pull it by digest or reference unless the engine has it."""
    engine, image = context.engine, operation["image"]
    if engine.image(image):
        return SKIPPED
    context.manifest.add("images", [image])
    source = operation["digest"] or operation["reference"]
    engine.pull(source, Deadline(operation["timeout"]), context.login)
    found = engine.image(source)
    came = found["Id"] if found else None
    if came != image:
        raise OperationFailed(_mismatch(operation, came))
    engine.tag(image, operation["reference"])
    return Outcome(message=f"pulled {source}")


def _mismatch(operation: ImageOperation, came: str | None) -> str:
    if operation["digest"] and came:
        # The digest vouches for the content: only the name the engine gives it is another. containerd's
        # image store, the default since engine 29, calls an image by its manifest's digest, the older one
        # by its configuration's (github.com/moby/moby/issues/48401).
        return (
            f"{operation['digest']} is there, but the engine of this host calls it {came}, and that of the "
            f"builder {operation['image']}: they keep images in different stores. Let both use the same: "
            '"features": {"containerd-snapshotter": false} in /etc/docker/daemon.json, restart, build again'
        )
    return (
        f"{operation['reference']} is {came or 'not there'} after the pull, not {operation['image']}; "
        "push the image that was built, or build again"
    )
