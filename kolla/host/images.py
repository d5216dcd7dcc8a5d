"""The image operation."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .context import SKIPPED, Context, Outcome
from .deadline import Deadline
from .errors import OperationFailed
from .manifest import others_entries
from .shapes import DiscardOperation, ImageOperation

_WANTS_A_LOGIN = re.compile(
    r"unauthorized|authentication required|no basic auth|denied|incorrect username or password", re.IGNORECASE
)
"""Words of a registry that a name and a password may help against."""


def perform(operation: ImageOperation, context: Context) -> Outcome:
    """Have the image with that ID: pull it by digest or reference unless the engine has it."""
    engine, image = context.engine, operation["image"]
    if engine.image(image):
        return SKIPPED
    context.manifest.add("images", [image])
    source = operation["digest"] or operation["reference"]
    try:
        engine.pull(source, Deadline(operation["timeout"]), context.login)
    except OperationFailed as error:
        raise OperationFailed(f"{error}{_as_whom(str(error), context.login)}") from None
    found = engine.image(source)
    came = found["Id"] if found else None
    if came != image:
        raise OperationFailed(_mismatch(operation, came))
    engine.tag(image, operation["reference"])
    return Outcome(message=f"pulled {source}")


def _as_whom(words: str, login: Mapping[str, str] | None) -> str:
    """What to add to the words of a registry that does not let us in."""
    if not _WANTS_A_LOGIN.search(words):
        return ""
    who = f"as '{login['username']}'" if login else "with no docker_registry_username set"
    return f"; asked {who}: see docker_registry_username, and docker_registry_password in passwords.yml"


def discard(operation: DiscardOperation, context: Context) -> Outcome:
    """Have it off this cloud's record, and gone from the engine unless somebody else needs it."""
    image, engine = operation["image"], context.engine
    if image not in context.manifest.entries("images"):
        return SKIPPED
    needing = engine.users(image)
    of_others = others_entries(context.cloud, "images").items()
    needing += [f"cloud {name}" for name, entries in of_others if image in entries]
    if not needing and engine.image(image):
        engine.remove_image(image)
    context.manifest.remove("images", [image])
    return Outcome(message=f"left for {', '.join(needing)}" if needing else "")


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
