"""Directories of this host that are made for the cloud, and go when nothing is left in them."""

from __future__ import annotations

from pathlib import Path

from .manifest import Manifest


def make(path: Path, manifest: Manifest) -> None:
    """Have a directory, and those it is in; the manifest lists what was not there."""
    missing = [each for each in (path, *path.parents) if not each.exists()][::-1]
    manifest.add("directories", [str(each) for each in missing])
    path.mkdir(parents=True, exist_ok=True)


def remove(path: Path, manifest: Manifest) -> None:
    """Remove a directory and those it is in, as far as they were made by us and are empty."""
    for each in (path, *path.parents):
        if str(each) not in manifest.entries("directories"):
            return
        if each.is_dir():
            if str(each) in manifest.entries("mounts") or any(each.iterdir()):
                return
            each.rmdir()
        manifest.remove("directories", [str(each)])
