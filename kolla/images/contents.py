"""What is inside an image: the files that say which packages it holds. Nothing of the image is run."""

from __future__ import annotations

import io
import posixpath
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from kolla.errors import KollaError
from kolla.images.engine import Engine
from kolla.images.packages import LIST_DIRECTORY
from kolla.images.pieces import Pieces

DPKG_STATUS = "/var/lib/dpkg/status"
DOCUMENTATION = "/usr/share/doc"
OS_RELEASE = "/usr/lib/os-release"
RPM_DATABASES = ("/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/rpm/rpmdb.sqlite")

PYTHON_METADATA = re.compile(r"\.(dist-info/METADATA|egg-info(/PKG-INFO)?)$")
"""Where an installed Python distribution describes itself (PEP 376 and what was before it)."""

PATCHES = "/var/lib/kolla/venv/patches"
"""What distributions of the virtual environment were patched with: `DISTRIBUTION[+DISTRIBUTION...]/NAME`."""

_WANTED: Mapping[str, re.Pattern[str]] = {
    OS_RELEASE: re.compile(""),
    DPKG_STATUS: re.compile(""),
    DOCUMENTATION: re.compile("/copyright$"),
    LIST_DIRECTORY: re.compile(""),
    **{path: re.compile("") for path in RPM_DATABASES},
    "/usr/lib/python3/dist-packages": PYTHON_METADATA,
    "/var/lib/kolla/venv/lib": PYTHON_METADATA,
    PATCHES: re.compile(""),
}
"""Place in an image -> the files below it that are read."""


@dataclass(frozen=True)
class Contents:
    """Files of an image by path, and where symbolic links lead."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    def text(self, path: str) -> str:
        """A file as text, also behind a link to it or to its directory; empty when there is none."""
        for _ in range(8):  # more links in a row than anybody makes; and circles end
            if path in self.files:
                return self.files[path].decode(errors="replace")
            link = next((part for part in (path, posixpath.dirname(path)) if part in self.links), None)
            if link is None:
                break
            target = posixpath.join(posixpath.dirname(link), self.links[link])
            path = posixpath.normpath(target + path.removeprefix(link))
        return ""

    def below(self, directory: str) -> list[str]:
        """The files of a directory and of those below it, sorted."""
        return sorted(path for path in self.files if path.startswith(f"{directory}/"))


def read(engine: Engine, image: str) -> Contents:
    """Read an image; KollaError when its files cannot be read."""
    files: dict[str, bytes] = {}
    links: dict[str, str] = {}
    try:
        for place, pieces in engine.archives(image, _WANTED):
            with tarfile.open(fileobj=io.BufferedReader(Pieces(pieces)), mode="r|") as archive:
                for member in archive:
                    path = posixpath.join(posixpath.dirname(place), member.name.rstrip("/"))
                    if member.issym():
                        links[path] = member.linkname
                    elif member.isfile() and _WANTED[place].search(path):
                        file = archive.extractfile(member)
                        files[path] = file.read() if file else b""
    except (OSError, tarfile.TarError) as error:
        raise KollaError(f"the files of an image could not be read: {error}") from None
    return Contents(files, links)


def read_file(engine: Engine, image: str, path: str) -> str:
    """One file of an image as text; empty when it has none there."""
    for _, pieces in engine.archives(image, [path]):
        with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
            file = archive.extractfile(archive.getmembers()[0])
            return file.read().decode() if file else ""
    return ""
