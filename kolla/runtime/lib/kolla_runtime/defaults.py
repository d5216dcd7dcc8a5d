"""What the image had where configuration was placed, kept so that it can come back.

`/etc/kolla/defaults/state` names every path that is placed now; `/etc/kolla/defaults<path>` is what
the image had there, if anything.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection
from pathlib import Path

from .errors import RuntimeFault
from .tree import at

FOLDER = "/etc/kolla/defaults"
STATE = f"{FOLDER}/state"


def placed(root: Path) -> dict[str, str | None]:
    """Every path placed at the last start -> where the image's own is kept, None if it had none."""
    path = at(root, STATE)
    try:
        state = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise RuntimeFault(f"{path}: is not JSON: {error}") from None
    return {dest: record["source"] for dest, record in state.items()}


def update(root: Path, roots: Collection[str]) -> None:
    """Restore what is no longer placed, then keep what `roots` are about to overwrite.

    Killed at any moment, the next call finishes: the state is written after a copy is complete and
    before anything is overwritten.
    """
    state = placed(root)
    for dest in sorted(set(state) - set(roots)):
        backup = state.pop(dest)
        remove(root, dest)
        if backup is not None:
            clone(at(root, backup), at(root, dest))
        _save(root, state)
        if backup is not None:
            remove(root, backup)
    for dest in sorted(set(roots) - set(state)):
        backup = None
        if os.path.lexists(at(root, dest)):
            backup = FOLDER + dest
            remove(root, backup)
            clone(at(root, dest), at(root, backup))
        state[dest] = backup
        _save(root, state)


def remove(root: Path, dest: str) -> None:
    """Delete a file or a whole directory if it is there; RuntimeFault when something is mounted in it."""
    path = at(root, dest)
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        for mounted in _mount_points():
            if mounted == path or path in mounted.parents:
                raise RuntimeFault(f"cannot replace {dest}: {mounted} is mounted there (use merge)")
        shutil.rmtree(path)


def clone(source: Path, dest: Path) -> None:
    """Copy a file, link or directory with owner, mode and times."""
    dest.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir() and not source.is_symlink():
        dest.mkdir()
        for child in source.iterdir():
            clone(child, dest / child.name)
        shutil.copystat(source, dest)
    else:
        shutil.copy2(source, dest, follow_symlinks=False)
    own(dest, source.lstat().st_uid, source.lstat().st_gid)


def own(path: Path, uid: int, gid: int) -> None:
    """Give `path` (never what a link points to) to a user and a group; nothing if they have it."""
    status = path.lstat()
    if (status.st_uid, status.st_gid) != (uid, gid):
        mode = status.st_mode
        os.chown(path, uid, gid, follow_symlinks=False)
        if not path.is_symlink() and path.lstat().st_mode != mode:
            os.chmod(path, mode & 0o7777)


def _save(root: Path, state: dict[str, str | None]) -> None:
    path = at(root, STATE)
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {dest: {"source": backup, "dest": dest} for dest, backup in sorted(state.items())}
    temporary = path.with_name("state.new")
    temporary.write_text(json.dumps(document, indent=1) + "\n")
    temporary.replace(path)


def _mount_points() -> list[Path]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [Path(line.split()[4].encode().decode("unicode_escape")) for line in lines]
