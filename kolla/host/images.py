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
    engine.pull(source, Deadline(operation["timeout"]))
    found = engine.image(source)
    if found is None or found["Id"] != image:
        raise OperationFailed(
            f"{source} is {found['Id'] if found else 'not there'} after the pull, not {image}; "
            "push the image that was built, or build again"
        )
    engine.tag(image, operation["reference"])
    return Outcome(message=f"pulled {source}")
