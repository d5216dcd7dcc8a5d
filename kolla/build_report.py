"""What the builder made: the only thing the rest of the house knows about images.

The builder writes it (`build.json`), the desired state reads it. Neither imports the other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from kolla.errors import InputError, Location, did_you_mean
from kolla.places import write_private

InstallType = Literal["source", "binary"]
"""Where OpenStack's software in an image is from, as `kolla_install_type` says."""


class InputHashes(BaseModel):
    """Everything that went into an image, each part by itself: what a later build compares with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dockerfile: str
    files: dict[str, str]
    """Path in the build context -> mode and SHA-256."""
    images: dict[str, str]
    """Image it is built from -> its identity; of the wheelhouse, only what this image installs."""
    python: dict[str, str]
    """Distribution of its Python environment -> version."""
    packages: str
    """SHA-256 of its entry of the package lock."""


class BuiltImage(BaseModel):
    """One image of a build."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    status: Literal["built", "unchanged", "failed", "skipped"]
    identity: str
    """Hash of everything that went in."""
    why: str = ""
    """Why it was built, or was not."""
    inputs: InputHashes | None = None
    """What the identity is the hash of; of the build that made `id`."""
    id: str | None = None
    """The engine's image ID (`sha256:...`). When it failed or was skipped, this, the identity and the
    reference are of the last build that did not; None when there was none."""
    install_type: InstallType = "source"
    """What `kolla_install_type` was when it was made, or last found unchanged: its tags are of this type."""
    reference: str | None = None
    """`[registry/]namespace/name:tag`, the tag unique to this identity."""
    digest: str | None = None
    """Digest in the registry, once pushed: `registry/namespace/name@sha256:...`."""
    promoted: str | None = None
    """The moving tag that was last pointed at it in the registry."""
    parent: str | None = None
    size: int | None = None
    """Bytes, shared layers included."""
    seconds: float = 0.0
    log: str | None = None
    """Path of the build log, if anything was run."""
    error: str = ""
    """When it failed, the line of its log that says why; without one, what was wrong."""
    published: bool = True
    sbom: str | None = None
    """Path of its bill of materials (CycloneDX), relative to this report."""
    sbom_sha256: str | None = None
    options: str | None = None
    """Path of the schema of its configuration options, relative to this report; None: nothing of it reads
    files of format `oslo`, or they could not be found out."""
    options_sha256: str | None = None
    options_problem: str = ""
    """Why they could not be found out."""
    may_fail: bool = False
    """The settings allow it to fail, or all it was skipped for."""

    @property
    def fails_the_build(self) -> bool:
        """Whether it is missing and should not be."""
        return self.status in ("failed", "skipped") and not self.may_fail


class BuildReport(BaseModel):
    """A whole build."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    release: str
    base: str
    """Base distribution and version: `debian-13`."""
    images: dict[str, BuiltImage]

    def image(self, name: str) -> BuiltImage:
        """The image called `name`; InputError when it was not built."""
        image = self.images.get(name)
        if image is None or image.id is None:
            hint = did_you_mean(name, self.images) if image is None else None
            raise InputError(
                f"image '{name}' has not been built",
                hint=hint or f"run: kolla build {name}",
            )
        return image

    def save(self, path: Path) -> None:
        """Replace the file atomically."""
        write_private(path, self.model_dump_json(indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> BuildReport:
        """Read a report; InputError when there is none or it is not one."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise InputError(
                "no images have been built", where=Location(path), hint="run: kolla build"
            ) from None
        except ValueError as error:
            raise InputError(
                f"not a build report: {error}", where=Location(path), hint="run: kolla build"
            ) from None


def unlike(report: BuildReport, other: BuildReport) -> list[str]:
    """The images of a report that another one does not know, or knows as something else."""
    return [
        name
        for name, image in report.images.items()
        if image.id is not None
        and (name not in other.images or _claims(image) != _claims(other.images[name]))
    ]


def _claims(image: BuiltImage) -> tuple[str | None, ...]:
    """What is true of an image wherever it is."""
    return image.identity, image.id, image.sbom_sha256, image.options_sha256
