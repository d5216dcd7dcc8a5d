"""Container engines as the builder sees them: what is asked of one, whichever it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from kolla.errors import KollaError
from kolla.images.context import Context
from kolla.images.processes import Processes
from kolla.images.registry import Registry


class BuildError(KollaError):
    """One image could not be built."""


class TookTooLong(BuildError):
    """It took longer than the settings allow."""


@dataclass(frozen=True)
class Request:
    """What one run of the client that builds is given."""

    dockerfile: str
    context: Context
    secrets: Mapping[str, bytes]
    arguments: Mapping[str, str]
    """Proxy variables for the programs that the build runs. They leave no trace."""
    log: Path
    """What is printed is added to its end."""
    timeout: int
    """Seconds."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels besides those of the Dockerfile."""
    use_cache: bool = True
    output: Path | None = None
    """Export the last stage's files to this directory instead of making an image."""


@dataclass(frozen=True)
class Trial:
    """How a program is tried in an image."""

    given: bytes
    """Its standard input."""
    timeout: int = 120
    """Seconds."""
    capabilities: tuple[str, ...] = ()
    """Of root, which it runs as; every other one is dropped."""


class Engine(Protocol):
    """A container engine that answers; used by several threads. Image IDs are `sha256:...`."""

    processes: Processes
    """The programs that are run for it; ended together."""

    def images(self) -> dict[str, frozenset[str]]:
        """Image ID -> its tags, for every image the engine has."""

    def size(self, image: str) -> int:
        """Bytes of an image, shared layers included."""

    def tag(self, image: str, reference: str) -> None:
        """Give an image a further name; KollaError when the engine no longer has it."""

    def untag(self, reference: str) -> None:
        """Take a name from an image; the image goes with its last name, unless a container uses it."""

    def pull(self, reference: str) -> str:
        """Have an image from a registry, and give back its digest (`name@sha256:...`)."""

    def push(self, reference: str, registry: Registry) -> str:
        """Push one tag; its digest (`name@sha256:...`). RegistryError with the registry's words."""

    def save(self, references: Iterable[str]) -> Iterator[bytes]:
        """Images as one archive (`docker save`), in pieces; what they share is in it once."""

    def load(self, archive: IO[bytes]) -> None:
        """Have the images of an archive that `save` gave; KollaError when the engine refuses it."""

    def archives(self, image: str, paths: Iterable[str]) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Each of those paths that the image has, with a tar archive of it in pieces, to be taken before
        the next one. Nothing of the image is run."""

    def run(self, image: str, command: Sequence[str], trial: Trial) -> tuple[int | None, str]:
        """Run a program in a container that is thrown away, and has no network. Gives back its exit code
        (None: it took too long) and all that was printed. KollaError when the engine has no such image."""

    def require_space(self, directory: Path) -> None:
        """KollaError unless there is room for images, in the engine and in the state directory."""

    def build(self, request: Request) -> str:
        """Run one build and give back the image's ID; BuildError when it fails or takes too long."""

    def cancel(self) -> None:
        """End every build and push that runs; no other build begins."""


def digest_of(reference: str, digests: Iterable[str]) -> str:
    """Of the digests an image is known by (`name@sha256:...`), that in the repository of `reference`: it may
    have been pulled from others as well. KollaError when there is none."""
    wanted = _repository(reference)
    found = next((digest for digest in digests if _repository(digest) == wanted), None)
    if found is None:
        raise KollaError(f"{reference} was pulled, and the engine knows no digest of it")
    return found


def _repository(name: str) -> str:
    """What a name says of the registry and the place in it, as Docker shortens it."""
    repository = name.partition("@")[0]
    head, slash, last = repository.rpartition("/")
    full = f"{head}{slash}{last.partition(':')[0]}"
    return full.removeprefix("docker.io/").removeprefix("library/")


def connect(name: str) -> Engine:
    """The engine of the setting kolla_container_engine; KollaError if it does not answer."""
    if name == "podman":
        from kolla.images.engine_podman import Podman

        return Podman.connect()
    from kolla.images.engine_docker import Docker

    return Docker.connect()
