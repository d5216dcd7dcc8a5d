"""The labels of an image, by the words of the OCI image specification (annotations.md).

None of them may change unless the image does: there is no time of the build, and no commit of the
catalogue, either of which would make every image another one at every build.
"""

from __future__ import annotations

from kolla.images.base import Base
from kolla.images.graph import Node
from kolla.images.options import Options

_PREFIX = "org.opencontainers.image."

REVISION = f"{_PREFIX}revision"
"""Says which inputs an image was built from. It is given to the engine with the build, not in the
Dockerfile, because it is computed from that."""


def labels(node: Node, options: Options, base: Base | None) -> dict[str, str]:
    """Label -> value, for the Dockerfile.

    What the distribution is, only the image without a parent says: the others inherit it. Labels of
    the settings (`image_labels`) come last and replace ours.
    """
    software = node.image.software or node.folder.service.software
    found = {
        "title": node.name,
        "description": node.folder.service.title,
        "version": options.release,
        "source": software.source,
        "licenses": software.license,
    }
    if base is not None and node.image.parent is None:
        name, _, digest = base.image.partition("@")
        found["base.name"] = name or options.distribution.name
        found["base.digest"] = digest or f"sha256:{base.sha256}"
    return {**{f"{_PREFIX}{key}": value for key, value in found.items() if value}, **options.labels}
