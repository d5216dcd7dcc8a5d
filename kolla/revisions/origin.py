"""Which settings a change was made from: digests of their files, and the commit of their repository."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from kolla.configuration import Configuration
from kolla.state.revision import Source


def source(configuration: Configuration) -> Source:
    """Images, and files of globals, inventory and overrides; passwords are not among them."""
    files = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in _files(configuration)}
    report, head = configuration.report, commit(configuration.directory)
    return Source(release=report.release, base=report.base, settings=files, commit=head)


def _files(configuration: Configuration) -> Iterator[Path]:
    directory = configuration.directory
    candidates = [
        directory / "globals.yml",
        *sorted((directory / "globals.d").glob("*.yml")),
        *configuration.settings.overrides.files.values(),
    ]
    for source in configuration.sources:  # a file, a directory of files, or a list of hosts
        path = Path(source)
        candidates += sorted(path.rglob("*")) if path.is_dir() else [path]
    return (path for path in candidates if path.is_file())


def commit(directory: Path) -> str | None:
    """The commit that the directory stands at, `+` after it when files in it differ; None without git."""
    try:
        head = _git(directory, "rev-parse", "HEAD")
        changed = _git(directory, "status", "--porcelain", "--", ".")
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+" if changed else "")


def _git(directory: Path, *arguments: str) -> str:
    command = ["git", "-C", str(directory), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
