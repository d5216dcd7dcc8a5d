"""What was done to the cloud, kept on its hosts as well, for who lost the machine that deploys."""

from __future__ import annotations

from pathlib import Path

from . import files
from .cloud import Cloud
from .shapes import Json


def revisions(request: Json) -> Json:
    """Every change on record here, the oldest first. Reads only, takes no lock."""
    return {"revisions": [files.read_json(path) for path in _paths(Cloud.of(request))]}


def keep(cloud: Cloud, note: Json) -> None:
    """Put a change on record, or say what came of it; of others the newest stay, `keep` in all."""
    revision = note["revision"]
    # By when it began: who begins anew without the older ones gives their numbers again.
    moment = "".join(character for character in revision["started"] if character.isdigit())
    files.write_json(_directory(cloud) / f"{moment}-{int(revision['number'])}.json", revision)
    for path in _paths(cloud)[: -max(note["keep"], 1)]:
        path.unlink()


def _paths(cloud: Cloud) -> list[Path]:
    return sorted(_directory(cloud).glob("*.json"))


def _directory(cloud: Cloud) -> Path:
    return cloud.directory / "revisions"
