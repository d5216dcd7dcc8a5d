"""The identity of an image: a hash of everything that goes in, and of nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from kolla.build_report import InputHashes
from kolla.images.context import Context


def hashes(
    dockerfile: str,
    context: Context,
    packages: Iterable[str],
    *,
    images: Mapping[str, str] | None = None,
    python: Mapping[str, str] | None = None,
) -> InputHashes:
    """Everything that goes into an image, each part by itself.

    `dockerfile` must be rendered with the *names* of the images it is built from; their identities are
    `images`, so that their inputs count and the registry they lie in does not. `packages` is the entry
    of the package lock, `python` the distributions of its environment and their versions.
    """
    return InputHashes(
        dockerfile=hashlib.sha256(dockerfile.encode()).hexdigest(),
        files={file.path: f"{file.mode:04o} {file.sha256}" for file in context},
        images=dict(images or {}),
        python=dict(python or {}),
        packages=digest({"packages": sorted(packages)}),
    )


def identity(inputs: InputHashes) -> str:
    """SHA-256, hexadecimal, over all of them."""
    return digest(inputs.model_dump())


def digest(document: Mapping[str, object]) -> str:
    """SHA-256, hexadecimal, of a document's canonical JSON."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
