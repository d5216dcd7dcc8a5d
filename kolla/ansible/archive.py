"""The code that runs on hosts, as one archive: `kolla/host` and the container SDK it needs.

It is unpacked once on each host, into a directory named after its content. A directory instead of a
zipapp run in place because it starts faster (Python keeps the compiled modules: 0.23 s instead of
0.32 s measured for importing the SDK) and because an archive in use must not have to unpack the CA
bundle of certifi into /tmp at each start.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import zipfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

LIBRARIES = ("docker", "requests", "urllib3", "idna", "certifi", "charset_normalizer")
"""The container SDK and everything it imports. All of them have a pure Python form."""

MAIN = "from kolla_host.main import main\n\nmain()\n"

_KEPT = (".py", ".pem")
_LEFT_OUT = frozenset({"__pycache__", "tests"})
_EPOCH = (1980, 1, 1, 0, 0, 0)


class Archive:
    """Files by path, known by their content."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = dict(sorted(files.items()))

    @classmethod
    def of(cls, host_code: Path, libraries: tuple[str, ...] = LIBRARIES) -> Archive:
        """The package in directory `host_code`, named `kolla_host`, with `libraries` as installed here."""
        files = {"__main__.py": MAIN.encode(), **_package("kolla_host", host_code)}
        for library in libraries:
            spec = importlib.util.find_spec(library)
            assert spec is not None, f"{library} is a dependency of kolla"
            assert spec.submodule_search_locations is not None, f"{library} is a package"
            files |= _package(library, Path(spec.submodule_search_locations[0]))
        return cls(files)

    @cached_property
    def name(self) -> str:
        """`host-` and the first 16 hexadecimal digits of the SHA-256 over all names and contents."""
        digest = hashlib.sha256()
        for name, content in self._files.items():
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return f"host-{digest.hexdigest()[:16]}"

    @cached_property
    def zip(self) -> bytes:
        """A zip file; the same files give the same bytes."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            for name, content in self._files.items():
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
        return buffer.getvalue()


def _package(name: str, directory: Path) -> dict[str, bytes]:
    found = {}
    for path in directory.rglob("*"):
        relative = path.relative_to(directory)
        if path.suffix in _KEPT and not _LEFT_OUT.intersection(relative.parts):
            found[f"{name}/{relative.as_posix()}"] = path.read_bytes()
    return found
