"""Shared mounts: directories in which mounts made by a container are seen by the host and by others.

See mount_namespaces(7). Where systemd runs, everything is shared already, and the directory is enough.
"""

from __future__ import annotations

import re
from pathlib import Path

from . import commands
from .errors import OperationFailed, Refusal
from .manifest import Manifest

MOUNTINFO = Path("/proc/self/mountinfo")


def is_shared(path: str) -> bool:
    """Whether a path is a directory on a mount whose propagation is shared."""
    return Path(path).is_dir() and on_shared(path, MOUNTINFO.read_text())


def on_shared(path: str, mountinfo: str) -> bool:
    """Whether the mount that `path` is on is shared, from mountinfo's text (proc(5))."""
    found = _mount(path, mountinfo)
    return found is not None and any(field.startswith("shared:") for field in found[1])


def is_mount_point(path: str) -> bool:
    """Whether something is mounted on a path."""
    found = _mount(path, MOUNTINFO.read_text())
    return found is not None and found[0] == path


def has_mounts(path: str) -> bool:
    """Whether something is mounted on a path or below it."""
    points = (_unescape(line.split()[4]) for line in MOUNTINFO.read_text().splitlines())
    return any(point == path or point.startswith(path + "/") for point in points)


def _mount(path: str, mountinfo: str) -> tuple[str, list[str]] | None:
    """Mount point and optional fields of the mount a path is on: the longest one, the last made of those."""
    best: tuple[str, list[str]] | None = None
    for line in mountinfo.splitlines():
        fields = line.split()
        point = _unescape(fields[4])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and (best is None or len(point) >= len(best[0])):
            best = point, fields[6 : fields.index("-")]
    return best


def _unescape(text: str) -> str:
    r"""`\040` is a space: white space and backslashes are octal escapes."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def share(path: str, manifest: Manifest) -> None:
    """Have a directory on a shared mount: mounted on itself, unless something is mounted there already.

    Mounts below it come along. OperationFailed when mount(8) fails.
    """
    try:
        if not is_mount_point(path):
            manifest.add("mounts", [path])
            commands.run("mount", "--rbind", path, path)
        commands.run("mount", "--make-shared", path)
    except Refusal as refusal:
        raise OperationFailed(
            f"{path} cannot be a shared mount: {refusal}", refusal.details.get("log")
        ) from None


def unshare(path: str, manifest: Manifest) -> str | None:
    """Take away a mount that `share` made, unless it is in use; why it stayed, None when it is gone."""
    if path not in manifest.entries("mounts"):
        return None
    if is_mount_point(path):
        try:
            commands.run("umount", path)
        except Refusal as refusal:
            log = refusal.details.get("log") or [str(refusal)]
            return f"mount {path}: {log[-1]}"
    manifest.remove("mounts", [path])
    return None
