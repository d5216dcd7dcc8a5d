"""Trees of source files: taking archives apart, patching, and packing them so that equal files give equal
bytes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

from kolla.errors import InputError, KollaError, Location

MOMENT = 315_619_200
"""Modification time of every file packed, 1980-01-02: what wheels are made of cannot be older than 1980."""

SERIES = "series"
"""File of a directory of patches that names them in order, as quilt has it."""


def extract(archive: Path, directory: Path) -> None:
    """Unpack a tar archive; KollaError when it is none, or holds what does not belong below `directory`."""
    try:
        with tarfile.open(archive) as file:
            file.extractall(directory, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise KollaError(f"{archive.name} cannot be unpacked: {error}", expected="a tar archive") from None


def unpack(archive: Path, directory: Path) -> None:
    """As `extract`, into an empty directory, and without the one directory most archives begin with."""
    extract(archive, directory)
    entries = list(directory.iterdir())
    if len(entries) == 1 and entries[0].is_dir():
        only = entries[0].rename(directory / ".kolla-only")  # it may hold a directory of its own name
        for entry in only.iterdir():
            entry.rename(directory / entry.name)
        only.rmdir()


def copy(source: Path, names: Iterable[str], directory: Path) -> None:
    """Copy files of a directory, by their relative names, where they are; links stay links."""
    for name in names:
        file = source / name
        if not file.is_symlink() and not file.is_file():
            continue  # removed and still listed, or a repository inside of this one
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target, follow_symlinks=False)


def patches(directory: Path) -> tuple[Path, ...]:
    """The patches of a directory in their order; InputError for one its series names that is not there."""
    series = directory / SERIES
    if not series.is_file():
        return tuple(sorted(p for p in directory.iterdir() if p.suffix in (".patch", ".diff")))
    found = []
    for number, line in enumerate(series.read_text().splitlines(), 1):
        name = line.partition("#")[0].strip()
        if name and not (directory / name).is_file():
            raise InputError(f"there is no patch '{name}'", where=Location(series, number))
        if name:
            found.append(directory / name)
    return tuple(found)


def apply(patch: Path, directory: Path, subject: str) -> None:
    """Apply one patch to a tree; KollaError naming it and the file it does not fit."""
    # Without the ceiling git would look for a repository above, and patch that.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(directory.parent), "LC_ALL": "C"}
    command = ["git", "apply", "--whitespace=nowarn", str(patch.absolute())]
    try:
        result = subprocess.run(
            command, cwd=directory, env=environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise KollaError("patches are applied by git, which is not installed") from None
    if result.returncode != 0:
        said = "; ".join(line.removeprefix("error: ") for line in result.stderr.splitlines())
        raise KollaError(
            f"{subject}: patch {patch.name} does not apply: {said}",
            where=Location(patch),
            hint="make it anew for this version of the source, or take it out of the directory",
        )


def pack(directory: Path, archive: Path) -> str:
    """Write a tree as a tar archive, replacing an older one; gives back its SHA-256."""
    new = Path(tempfile.mkstemp(dir=archive.parent, prefix=".")[1])
    with tarfile.open(new, "w", format=tarfile.PAX_FORMAT) as file:
        for path in sorted(directory.rglob("*")):
            member = file.gettarinfo(path, str(path.relative_to(directory)))
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = MOMENT
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            # Files linked to each other are packed as files: whether they are differs from copy to copy.
            if member.islnk():
                member = _unlinked(member, path)
            with path.open("rb") if member.isreg() else open(os.devnull, "rb") as content:
                file.addfile(member, content if member.isreg() else None)
    new.replace(archive)
    return digest(archive)


def _unlinked(member: tarfile.TarInfo, path: Path) -> tarfile.TarInfo:
    member.type = tarfile.REGTYPE
    member.linkname = ""
    member.size = path.stat().st_size
    return member


def digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
