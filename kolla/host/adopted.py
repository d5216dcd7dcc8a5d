"""Volumes that were taken over or copied: labels of a volume cannot be changed, so these are marked beside
their data.

The mark is a file in the engine's own directory of the volume, next to the one its data is in: gone with the
volume, as a label is, and out of sight of what uses it. The manifest lists the names of those without labels.
"""

from __future__ import annotations

import os
from pathlib import Path

from . import files
from .cloud import Cloud
from .manifest import Manifest
from .shapes import Json

KIND = "adopted"
MARK = "kolla.json"


def epoch(volume: Json, cloud: Cloud) -> str | None:
    """The epoch a volume got when the cloud took it over or had copied what is in it, from its `inspect`
    document; None of others."""
    return _read(volume, cloud).get("epoch")


def source(volume: Json, cloud: Cloud) -> str:
    """The volume that what is in this one was copied from; empty of others."""
    return str(_read(volume, cloud).get("source", ""))


def names(manifest: Manifest) -> tuple[str, ...]:
    """Every name a volume was taken over under."""
    return manifest.entries(KIND)


def record(volume: Json, epoch_: str, cloud: Cloud, manifest: Manifest) -> None:
    """Note that a volume is the cloud's from now on."""
    manifest.add(KIND, [volume["Name"]])
    files.write_json(_mark(volume), {"cloud": cloud.id, "epoch": epoch_})


def record_copy(volume: Json, epoch_: str, source_: str, cloud: Cloud) -> None:
    """Note that a volume of ours has all that is in another one."""
    files.write_json(_mark(volume), {"cloud": cloud.id, "epoch": epoch_, "source": source_})


def forget_copy(volume: Json) -> None:
    """What is in the volume is not to be used; the other one has it."""
    _mark(volume).unlink(missing_ok=True)


def forget(name: str, manifest: Manifest) -> None:
    """A volume of that name is gone."""
    manifest.remove(KIND, [name])


def give(directory: Path, owner: int) -> None:
    """Give what belongs to root below a directory, and itself, to a user.

    Where Kolla-Ansible runs a server as root and we do not, its files must become readable to it. Root's own
    processes go on with them as before, so this can be done while they run.
    """
    for path in (directory, *directory.rglob("*")):
        if path.lstat().st_uid == 0:
            os.chown(path, owner, owner, follow_symlinks=False)


def _read(volume: Json, cloud: Cloud) -> Json:
    """The mark of this cloud; empty where there is none."""
    mark: Json = files.read_json(_mark(volume)) or {}
    return mark if mark.get("cloud") == cloud.id else {}


def _mark(volume: Json) -> Path:
    return Path(volume["Mountpoint"]).parent / MARK
