"""The root file system of a base distribution, bootstrapped from its package mirror and kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kolla.errors import KollaError
from kolla.images import archive, bootstrap_apt, bootstrap_dnf
from kolla.images.context import ContextFile
from kolla.images.options import Options
from kolla.places import read_json, write_json

if TYPE_CHECKING:
    from kolla.images.engine import Engine

BOOTSTRAP = {"apt": bootstrap_apt.bootstrap, "dnf": bootstrap_dnf.bootstrap}
"""Package manager -> what fills a root file system with it."""

RECIPE = {"apt": bootstrap_apt.recipe, "dnf": bootstrap_dnf.recipe}
"""Package manager -> everything of ours that decides what the root file system holds."""


@dataclass(frozen=True)
class Base:
    """What the first image is built from: a bootstrapped tarball or a pulled image, never both."""

    tarball: Path | None = None
    sha256: str = ""
    packages: tuple[str, ...] = ()
    """`name=version` of the tarball, sorted."""
    image: str = ""
    """Digest of a pulled image: `debian@sha256:...`."""

    @property
    def context_file(self) -> ContextFile | None:
        """The tarball as part of a build context; its digest is known, so it is not read again."""
        return ContextFile("rootfs.tar", 0o644, self.tarball, digest=self.sha256) if self.tarball else None

    @property
    def at_hand(self) -> bool:
        """Whether an image can be built from it right now."""
        return self.tarball is None or self.tarball.exists()


def recorded(options: Options, state_directory: Path) -> Base | None:
    """What an earlier run made or pulled, even if the tarball is gone.

    None when there is no record, or the recipe is another since.
    """
    known = read_json(record_path(options, state_directory))
    if known.get("recipe") != _recipe(options):
        return None
    if options.pull_base:
        return Base(image=known["image"])
    return Base(_tarball(options, state_directory), known["sha256"], tuple(known["packages"]))


def make(
    options: Options, state_directory: Path, engine: Engine, log: Path, *, expected: Base | None
) -> Base:
    """Bootstrap or pull the base and record it.

    `expected` is what must come out, when images were built from it before: KollaError when the
    mirror has moved on since. KollaError as well when the bootstrap fails or takes too long.
    """
    record = record_path(options, state_directory)
    if options.pull_base:
        digest = expected.image if expected else engine.pull(options.distribution.image)
        write_json(record, {"recipe": _recipe(options), "image": digest})
        return Base(image=digest)
    tarball = _tarball(options, state_directory)
    bootstrap = BOOTSTRAP[options.distribution.manager]
    packages = bootstrap(
        options.distribution, options.transport, tarball, log, engine.processes, options.timeout
    )
    base = Base(tarball, archive.digest(tarball), tuple(packages))
    moved = sorted(set(expected.packages) - set(base.packages)) if expected else []
    if moved:
        raise KollaError(
            f"the package mirror no longer has {', '.join(moved)}, which the base is locked to",
            hint="run: kolla build --refresh",
        )
    write_json(record, {"recipe": _recipe(options), "sha256": base.sha256, "packages": list(base.packages)})
    return base


def record_path(options: Options, state_directory: Path) -> Path:
    """Where it is recorded what the base is."""
    kind = "pulled" if options.pull_base else "base"
    return state_directory / f"{kind}-{options.distribution.name}.json"


def _tarball(options: Options, state_directory: Path) -> Path:
    return state_directory / f"base-{options.distribution.name}.tar"


def _recipe(options: Options) -> list[str]:
    """Everything of ours that decides what the base holds; a base of another recipe is made anew."""
    distribution = options.distribution
    if options.pull_base:
        return [distribution.image]
    return RECIPE[distribution.manager](distribution)
