"""The build context of an image: the files its Dockerfile may use, gathered before anything is run.

`build/` holds helper programs and lists, mounted into RUN instructions and never copied; `root/` holds
files copied to the same place in the image.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from kolla.errors import InputError
from kolla.images.graph import Node
from kolla.images.requirements import PATCHED_TOGETHER, Requirement


@dataclass(frozen=True)
class ContextFile:
    """A file of a build context."""

    path: str
    """Relative to the context."""
    mode: int
    content: bytes | Path
    digest: str | None = None
    """SHA-256 of a large file that is known already; empty for one that is not here."""

    @cached_property
    def sha256(self) -> str:
        """Digest of its content."""
        return hashlib.sha256(self._bytes()).hexdigest() if self.digest is None else self.digest

    def write(self, directory: Path) -> None:
        """Put it below `directory`, with the time of now.

        BuildKit takes an unchanged size and modification time for unchanged content, so an old or a
        normalised time would make it use a stale copy from an earlier build.
        """
        target = directory / self.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(self.content, Path):
            shutil.copyfile(self.content, target)
        else:
            target.write_bytes(self.content)
        target.chmod(self.mode)

    def _bytes(self) -> bytes:
        return self.content.read_bytes() if isinstance(self.content, Path) else self.content


Context = tuple[ContextFile, ...]
"""Sorted by path."""


def gather(
    node: Node,
    manager: str,
    *,
    requirements: Iterable[Requirement] = (),
    hashed: bool = False,
    others: Iterable[ContextFile] = (),
    root_file_system: ContextFile | None = None,
) -> Context:
    """The context of one image; InputError for a file its folder lacks.

    `manager` is what installs packages ("apt"), so which helper programs it gets.
    `requirements` are what its Python environment (or, `hashed`, the wheelhouse) holds from the lock,
    `others` what else it is made with: sources, keys of repositories. The image without a parent gets
    the runtime and, unless its base is pulled, the root file system.
    """
    requirements = tuple(requirements)
    files = [*helpers(manager), *_own(node), *_patches(node, requirements), *others]
    if node.image.parent is None:
        files += _runtime()
    if root_file_system is not None:
        files.append(root_file_system)
    lines = [r.hashed if hashed else r.pin for r in requirements]
    if lines:
        files.append(
            ContextFile("build/requirements.txt", 0o644, "".join(f"{line}\n" for line in lines).encode())
        )
    return tuple(sorted(files, key=lambda file: file.path))


@cache
def helpers(manager: str) -> Context:
    """The programs that RUN instructions use: those for all, and those for one package manager. Every image
    has them, so they are read and hashed once."""
    scripts = _package("images", "scripts")
    return tuple(
        ContextFile(f"build/{script.name}", 0o755, script.read_bytes())
        for script in sorted((*scripts.iterdir(), *(scripts / manager).iterdir()))
        if script.is_file()
    )


def _own(node: Node) -> Iterable[ContextFile]:
    for name, target in sorted(node.image.files.items()):
        yield ContextFile(f"root{target}", 0o755, _read(node, name, "copies"))


def _patches(node: Node, requirements: Iterable[Requirement]) -> Iterable[ContextFile]:
    """Those of the image that are for what it has from the lock, each in a directory that says for what."""
    versions = {requirement.name: requirement.version for requirement in requirements}
    for patch, wanted in sorted(node.image.patches.items()):
        if all(_fits(versions.get(canonicalize_name(name)), which) for name, which in wanted.items()):
            whose = PATCHED_TOGETHER.join(sorted(map(canonicalize_name, wanted)))
            yield ContextFile(f"build/patches/{whose}/{patch}", 0o644, _read(node, patch, "is patched with"))


def _fits(version: str | None, wanted: str) -> bool:
    return version is not None and SpecifierSet(wanted).contains(version, prereleases=True)


def _read(node: Node, name: str, verb: str) -> bytes:
    source = node.folder.image_file(name)
    if not source.is_file():
        raise InputError(
            f"image '{node.name}' {verb} '{name}', but there is no file {source}",
            where=node.where,
            expected="a file in the `image` folder of the service",
        )
    return source.read_bytes()


def _runtime() -> Iterable[ContextFile]:
    programs = _package("runtime", "bin")
    for program in sorted(programs.iterdir()):
        if program.is_file():
            yield ContextFile(f"root/usr/local/bin/{program.name}", 0o755, program.read_bytes())
    library = _package("runtime", "lib", "kolla_runtime")
    for module in sorted(library.rglob("*.py")):
        path = module.relative_to(library.parent)
        yield ContextFile(f"root/usr/local/lib/{path}", 0o644, module.read_bytes())


def _package(*parts: str) -> Path:
    return Path(str(resources.files("kolla"))).joinpath(*parts)
