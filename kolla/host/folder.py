"""Configuration folders: changed as a whole, and put back as a whole.

A change builds `<folder>.new`, moves the present one to `<folder>.old` and the new one into its place.
A running container keeps seeing the folder it was started with until it is started again; `.old` is
what a failed change returns to. `keep` ends a change, `undo` takes it back; both can be repeated, and
`undo` also clears what a killed run left behind.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from . import files
from .errors import OperationFailed
from .manifest import Manifest
from .shapes import Folder, Json, Spec


def digest(folder: Folder) -> str:
    """Identity of a folder's content, the same as `Folder.digest` on the controller."""
    document = json.dumps([[f["name"], f["sha256"]] for f in folder["files"]], separators=(",", ":"))
    return hashlib.sha256(document.encode()).hexdigest()


def matches(folder: Folder) -> bool:
    """Whether the folder on disk has exactly the files it should have, all 0600."""
    wanted = {entry["name"]: (entry["sha256"], "0600") for entry in folder["files"]}
    path = Path(folder["path"])
    return path.is_dir() and {n: (sha, mode) for n, sha, mode, _ in _read(path)} == wanted


def observe(path: Path, asked: Mapping[str, str]) -> Json:
    """Every file of a folder: sha256, mode, and the content where sha256 is not the asked one."""
    while True:
        try:
            return {
                n: _shown(asked.get(n), sha256, mode, content) for n, sha256, mode, content in _read(path)
            }
        except FileNotFoundError:
            # Exchanged by a worker while we were reading: observing takes no lock.
            continue


def _shown(known: str | None, sha256: str, mode: str, content: bytes) -> Json:
    shown: Json = {"sha256": sha256, "mode": mode}
    return shown if known == sha256 else {**shown, "content": content.decode(errors="replace")}


def _read(path: Path) -> Iterator[tuple[str, str, str, bytes]]:
    """Relative name, sha256, octal mode and content of the files below `path`, sorted by name.

    Of anything that is not a regular file (we make none) the content is empty, never what it leads to.
    """
    for file in sorted(path.rglob("*")):
        status = file.lstat()
        if stat.S_ISDIR(status.st_mode):
            continue
        content = file.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        yield str(file.relative_to(path)), hashlib.sha256(content).hexdigest(), mode, content


def place(folder: Folder, bundle: Mapping[str, str], manifest: Manifest) -> None:
    """Put the folder in its place; nothing happens when it is there already.

    `bundle` maps sha256 to base64 content; a file of the present folder serves as well.
    OperationFailed when a content is nowhere or is not what its digest says, and when it cannot be written.
    """
    if matches(folder):
        return
    try:
        _exchange(folder, bundle, manifest)
    except OSError as error:
        # A full disk is no defect: whoever is in the middle of a change has to know how to go back.
        raise OperationFailed(f"cannot write {error.filename or folder['path']}: {error.strerror}") from None


def _exchange(folder: Folder, bundle: Mapping[str, str], manifest: Manifest) -> None:
    path, new, old = _paths(folder["path"])
    _record(path, manifest)
    _remove(new)
    new.mkdir(mode=0o700)
    present = {sha256: content for _, sha256, _, content in _read(path)}
    for entry in folder["files"]:
        target = new / entry["name"]
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.write(target, _content(entry["sha256"], bundle, present, entry["name"]))
    if path.exists():
        _remove(old)
        path.rename(old)
    new.rename(path)
    files.sync_directory(path.parent)


def renew(folder: Folder, bundle: Mapping[str, str]) -> None:
    """Change the files of a folder where they are, each atomically, so that a running container sees it; what
    they were is beside it as after `place`. OperationFailed as of `place`."""
    path, _, old = _paths(folder["path"])
    try:
        present = {sha256: content for _, sha256, _, content in _read(path)}
        wanted = {e["name"]: _content(e["sha256"], bundle, present, e["name"]) for e in folder["files"]}
        _remove(old)
        shutil.copytree(path, old)
        _fill(path, wanted)
    except OSError as error:
        raise OperationFailed(f"cannot write {error.filename or path}: {error.strerror}") from None


def renew_back(folder: str) -> None:
    """Take a `renew` back, where the files are."""
    path, _, old = _paths(folder)
    if old.exists():
        _fill(path, {name: content for name, _, _, content in _read(old)})
        _remove(old)


def target(spec: Spec, path: str) -> str:
    """Where a container sees its folder."""
    return next((mount["target"] for mount in spec["mounts"] if mount["source"] == path), "")


def _fill(path: Path, wanted: Mapping[str, bytes]) -> None:
    """Have a directory hold these files, and no others."""
    for name, content in wanted.items():
        (path / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.write(path / name, content)
    for name, *_ in list(_read(path)):
        if name not in wanted:
            (path / name).unlink()


def keep(path: str) -> None:
    """End a change: forget the folder before it."""
    _remove(_paths(path)[2])


def undo(path: str) -> bool:
    """Take an unfinished change back; whether there was one."""
    current, new, old = _paths(path)
    _remove(new)
    if not old.exists():
        return False
    _remove(current)
    old.rename(current)
    return True


def remove(path: str, manifest: Manifest) -> bool:
    """Remove a folder and what an unfinished change left; whether there was anything."""
    existing = [each for each in _paths(path) if each.exists()]
    for each in existing:
        _remove(each)
    manifest.remove("folders", [path])
    return bool(existing)


def _paths(path: str) -> tuple[Path, Path, Path]:
    return Path(path), Path(f"{path}.new"), Path(f"{path}.old")


def _remove(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)


def _record(path: Path, manifest: Manifest) -> None:
    """List the folder and the directories that have to be made for it, then make those."""
    missing = [parent for parent in path.parents if not parent.exists()]
    manifest.add("directories", [str(parent) for parent in reversed(missing)])
    manifest.add("folders", [str(path)])
    path.parent.mkdir(parents=True, exist_ok=True)


def _content(sha256: str, bundle: Mapping[str, str], present: Mapping[str, bytes], name: str) -> bytes:
    if sha256 in present:
        return present[sha256]
    if sha256 not in bundle:
        raise OperationFailed(f"the content of file '{name}' did not come with the request")
    content = base64.b64decode(bundle[sha256])
    if hashlib.sha256(content).hexdigest() != sha256:
        raise OperationFailed(f"the content of file '{name}' is not what its digest says")
    return content
