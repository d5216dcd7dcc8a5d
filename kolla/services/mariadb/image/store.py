"""Backups as they lie in their volume: one folder each, with an archive and a manifest."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from server import Fault, run

STORE = Path("/var/lib/mariadb-backup")
WORK = ".unfinished"
"""Where a backup is made; what a cut-off one left is removed by the next."""
ARCHIVE, MANIFEST = "data.tar.gz", "manifest.json"
SPARE = 64 << 20
"""Bytes that stay free in any case."""


def new_name(moment: float) -> str:
    """The name of a backup begun then (seconds since the epoch): names sort as the moments do."""
    return time.strftime("%Y-%m-%dT%H-%M-%SZ", time.gmtime(moment))


def manifests(store: Path) -> list[dict[str, Any]]:
    """What is known of every complete backup, the oldest first."""
    return [json.loads(path.read_text()) for path in sorted(store.glob(f"*/{MANIFEST}"))]


def chosen(store: Path, name: str) -> dict[str, Any]:
    """The manifest of one backup, the newest when no name is given. Fault when there is none."""
    known = {manifest["name"]: manifest for manifest in manifests(store)}
    if not known:
        raise Fault("there is no backup; kolla backup makes one")
    if not name:
        return known[max(known)]
    if name not in known:
        raise Fault(f"there is no backup '{name}'; there are: {', '.join(known)}")
    return known[name]


def outdated(names: Sequence[str], kept: int) -> list[str]:
    """Those that go when only the `kept` newest stay."""
    return sorted(names)[: max(0, len(names) - kept)]


def prune(store: Path, kept: int) -> list[str]:
    """Remove all but the newest; the names of those that are gone."""
    gone = outdated([manifest["name"] for manifest in manifests(store)], kept)
    for name in gone:
        # Without a manifest it is no backup any more, should this be cut off.
        (store / name / MANIFEST).unlink()
        shutil.rmtree(store / name)
    return gone


def size(directory: Path) -> int:
    """Bytes a directory takes on its disk."""
    return sum(path.lstat().st_blocks * 512 for path in directory.rglob("*"))


def demand_space(directory: Path, needed: int, what: str) -> None:
    """Fault unless so many bytes, and some to spare, are free where a directory is."""
    free = shutil.disk_usage(directory).free
    if free < needed + SPARE:
        raise Fault(
            f"{what} needs {_mib(needed + SPARE)} MiB on the disk of {directory}; {_mib(free)} MiB are free"
        )


def _mib(size: int) -> int:
    return -(-size >> 20)


def pack(directory: Path, archive: Path) -> None:
    """Write a directory's content as a compressed archive."""
    command = ["tar", "--create", f"--file={archive}", "--use-compress-program=gzip -1"]
    run([*command, f"--directory={directory}", "."], "", "writing the archive failed")


def unpack(archive: Path, directory: Path) -> None:
    """Put an archive's content in a new directory."""
    directory.mkdir(mode=0o700)
    command = ["tar", "--extract", "--gzip", f"--file={archive}", f"--directory={directory}"]
    run(command, "", "the archive cannot be read")


def digest(archive: Path) -> str:
    """SHA-256 of a file."""
    with archive.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
