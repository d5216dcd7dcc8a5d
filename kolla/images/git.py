"""Git repositories as sources: fetched into a bare repository of ours, never checked out.

Location, proxy and certificates travel in that repository's own configuration file: neither on a command
line nor in an environment, where others on this machine would see a password.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kolla.errors import KollaError
from kolla.images.download import FetchError
from kolla.images.processes import Processes
from kolla.images.sources import without_credentials

PACKAGES = ("git",)
"""Debian's packages that a machine needs to fetch from repositories, and to apply patches."""

SLOW = 60
"""Seconds after which a server that sends less than SLOWEST is given up (http.lowSpeedTime)."""
SLOWEST = 1000
"""Bytes a second."""

WANTED = "refs/kolla/wanted"
"""What is fetched gets this name, because git brings the tags only of what gets one."""


@dataclass(frozen=True)
class Repository:
    """A bare repository that mirrors what was needed of another one."""

    directory: Path
    location: str
    timeout: int
    """Seconds one call of git may take."""

    @classmethod
    def of(
        cls, directory: Path, location: str, *, proxy: str, ca_file: Path | None, timeout: int
    ) -> Repository:
        """Have the repository in `directory` point at `location`."""
        if not (directory / "HEAD").exists():
            _run(["init", "--quiet", "--bare", str(directory)])
        lines = ["[core]", "bare = true", "repositoryformatversion = 0"]
        lines += ['[remote "origin"]', f"url = {_quoted(location)}", "[http]"]
        lines += [f"lowSpeedLimit = {SLOWEST}", f"lowSpeedTime = {SLOW}"]
        lines += [f"proxy = {_quoted(proxy)}"] if proxy else []
        lines += [f"sslCAInfo = {_quoted(str(ca_file))}"] if ca_file else []
        config = directory / "config"
        config.touch(mode=0o600)
        config.write_text("\n".join(lines) + "\n")
        return cls(directory, location, timeout)

    def resolve(self, reference: str, depth: int) -> str:
        """Fetch a branch, tag or commit as the other side has it now; gives back the commit."""
        if depth == 0:
            self._fetch("--tags", "--force", "+refs/heads/*:refs/heads/*")
            if self.has(reference):
                return self._git("rev-parse", f"{reference}^{{commit}}").strip()
        self._fetch(*self._depth(depth), f"+{reference}:{WANTED}")
        return self._git("rev-parse", f"{WANTED}^{{commit}}").strip()

    def require(self, commit: str, depth: int) -> None:
        """Have a commit that was resolved before; FetchError when the other side no longer has it."""
        if self.has(commit):
            return
        try:
            self._fetch(*self._depth(depth), commit)
        except FetchError:
            # Some servers give out only what a branch or tag points at.
            self._fetch("--tags", "+refs/heads/*:refs/heads/*")
        if not self.has(commit):
            error = FetchError(
                f"{without_credentials(self.location)} no longer has the commit {commit}",
                hint="run: kolla build --refresh",
            )
            error.temporary = False
            raise error

    def has(self, reference: str) -> bool:
        """Whether a commit or name is here already."""
        try:
            self._git("cat-file", "-e", f"{reference}^{{commit}}")
        except FetchError:
            return False
        return True

    def describe(self, commit: str) -> str:
        """The nearest tag below a commit, `29.0.0` or `29.0.0-3-gabc1234`; empty when there is none."""
        try:
            return self._git("describe", "--tags", commit).strip()
        except FetchError:
            return ""

    def export(self, commit: str, archive: Path) -> None:
        """Write the files of a commit as a tar archive."""
        self._git("archive", "--format=tar", f"--output={archive}", commit)

    @staticmethod
    def _depth(depth: int) -> tuple[str, ...]:
        return (f"--depth={depth}",) if depth else ()

    def _fetch(self, *arguments: str) -> None:
        self._git("fetch", "--quiet", *arguments[:-1], "origin", arguments[-1])

    def _git(self, *arguments: str) -> str:
        try:
            return _run([f"--git-dir={self.directory}", *arguments], self.timeout)
        except FetchError as error:
            hidden = str(error).replace(self.location, without_credentials(self.location))
            told = FetchError(re.sub(r"://[^/@\s]+@", "://", hidden), hint=error.hint)
            told.temporary = error.temporary
            raise told from None


_LASTING = re.compile(
    r"couldn't find remote ref|does not appear to be a git repository|not found|does not exist"
    r"|Authentication failed|could not read Username|Permission denied"
)
"""What git says of failures that another try does not mend."""


def _run(arguments: list[str], timeout: int | None = None) -> str:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    # Any variable that names another repository would win over ours.
    for variable in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        environment.pop(variable, None)
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as errors:
        command = ["git", *arguments]
        try:
            status = Processes().run(command, printed, environment, timeout=timeout, errors=errors)
        except FileNotFoundError:
            raise KollaError("git is not installed, and image_sources name a git repository") from None
        if status is None:
            error = FetchError(f"git took longer than {timeout} s (image_build_timeout)")
            error.temporary = False
            raise error
        if status != 0:
            raise _refused(_read(errors))
        return _read(printed)


def _refused(words: str) -> FetchError:
    lines = [line for line in words.splitlines() if line.strip()]
    error = FetchError("; ".join(line.removeprefix("fatal: ") for line in lines) or "git failed")
    error.temporary = _LASTING.search(words) is None
    return error


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def listed(checkout: Path) -> list[str] | None:
    """The files of a checkout that git would keep: tracked, or new and not ignored. None outside of one."""
    command = ["-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-C", str(checkout)]
    try:
        names = _run([*command, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "."])
    except FetchError:
        return None
    return sorted({name for name in names.split("\0") if name})


def describe_checkout(checkout: Path) -> str:
    """As `Repository.describe`, of what is checked out."""
    try:
        return _run(["-c", "safe.directory=*", "-C", str(checkout), "describe", "--tags"]).strip()
    except FetchError:
        return ""


def version_of(described: str) -> str:
    """The version (PEP 440) for what `git describe --tags` says; empty when that is no version.

    Commits after a tag are development versions of the next: `29.0.0-3-gabc1234` -> `29.0.1.dev3`. Without
    the commit: pbr cannot read such versions when a program asks for its own.
    """
    match = re.fullmatch(r"v?((?:[0-9]+(?:\.|a|b|rc))*)([0-9]+)(?:-([0-9]+)-g[0-9a-f]+)?", described)
    if match is None:
        return ""
    before, last, commits = match.groups()
    return before + last if commits is None else f"{before}{int(last) + 1}.dev{commits}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
