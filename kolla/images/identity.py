"""The identity of an image: a hash of everything that goes in, and of nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from kolla.images.context import Context


def identity(dockerfile: str, context: Context, packages: Iterable[str]) -> str:
    """SHA-256, hexadecimal, over the Dockerfile, the context and the entry of the package lock.

    `dockerfile` must be rendered with the *identities* of the images it is built from in place of
    their names, so that their inputs count and the registry they lie in does not.
    """
    return digest(
        {
            "dockerfile": dockerfile,
            "context": [[file.path, f"{file.mode:04o}", file.sha256] for file in context],
            "packages": sorted(packages),
        }
    )


def digest(document: Mapping[str, object]) -> str:
    """SHA-256, hexadecimal, of a document's canonical JSON."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
