"""Podman, with Buildah inside, through its client program alone: no daemon, and no socket to ask for.

The floor is podman 5 (Debian 13): that of Debian 12, 4.3 with buildah 1.28, was seen to take directories
that a RUN instruction mounts something on, such as /tmp, out of the image. Images are built in Docker's
format: an archive and a registry give back the very configuration, so an image keeps its ID wherever it goes.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from kolla.errors import KollaError
from kolla.images import space
from kolla.images.command import build, feed, output_of, run
from kolla.images.engine import Request, Trial, digest_of
from kolla.images.processes import Processes
from kolla.images.registry import Registry, refused

PROGRAM = "podman"
FLOOR = 5
LOCAL = "localhost/"
"""What podman puts before the name of an image that names no registry."""


class Podman:
    """Podman on this machine. See `Engine` for what its methods do."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.processes = Processes()

    @classmethod
    def connect(cls) -> Podman:
        """The engine; KollaError if there is no podman, or it does not work."""
        try:
            version, root = _ask("info", "--format", "{{.Version.Version}} {{.Store.GraphRoot}}").split()
        except FileNotFoundError:
            raise KollaError(
                "kolla_container_engine is podman, and there is none on PATH",
                hint="run: apt-get install podman",
            ) from None
        if int(version.partition(".")[0]) < FLOOR:
            raise KollaError(
                f"podman {version} takes directories out of images that are built with mounts",
                expected=f"podman {FLOOR} or newer, which Debian 13 has",
                hint="build with kolla_container_engine: docker",
            )
        return cls(Path(root))

    def images(self) -> dict[str, frozenset[str]]:
        """Image ID -> its tags."""
        listed: list[dict[str, Any]] = json.loads(_ask("images", "--all", "--format", "json"))
        return {
            f"sha256:{image['Id']}": frozenset(n.removeprefix(LOCAL) for n in image.get("Names") or ())
            for image in listed
        }

    def size(self, image: str) -> int:
        """Bytes, shared layers included."""
        return int(_ask("image", "inspect", "--format", "{{.Size}}", image))

    def tag(self, image: str, reference: str) -> None:
        """Give an image a further name."""
        try:
            _ask("tag", image, reference)
        except KollaError:
            raise KollaError(f"the image for {reference} is gone", hint="run: kolla build") from None

    def untag(self, reference: str) -> None:
        """Take a name from an image."""
        try:
            _ask("rmi", reference)
        except KollaError:  # a container uses it
            _ask("untag", reference)

    def pull(self, reference: str) -> str:
        """Have an image from a registry; its digest."""
        self._transfer(f"cannot pull {reference}", None, "pull", "--quiet", reference)
        digests = json.loads(_ask("image", "inspect", "--format", "{{json .RepoDigests}}", reference))
        return digest_of(reference, digests)

    def push(self, reference: str, registry: Registry) -> str:
        """Push one tag; its digest."""
        with _credentials(registry) as (directory, options):
            digest = directory / "digest"
            words = ("push", *options, "--digestfile", str(digest), reference)
            self._transfer(f"cannot push {reference}", registry, *words)
            return f"{reference.rpartition(':')[0]}@{digest.read_text().strip()}"

    def save(self, references: Iterable[str]) -> Iterator[bytes]:
        """Images as one archive."""
        return output_of(
            [PROGRAM, "save", "--quiet", "--format=docker-archive", "--multi-image-archive", *references]
        )

    def load(self, archive: IO[bytes]) -> None:
        """Have the images of an archive."""
        feed([PROGRAM, "load", "--quiet"], archive)

    def archives(self, image: str, paths: Iterable[str]) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Archives of paths of an image."""
        container = _ask("create", "--network=none", image, "-")
        try:
            for path in paths:
                pieces = output_of([PROGRAM, "cp", f"{container}:{path}", "-"])
                try:
                    first = next(pieces, b"")
                except KollaError:  # there is nothing at that path
                    continue
                yield path, itertools.chain((first,), pieces)
        finally:
            _ask("rm", "--volumes", "--force", container)

    def run(self, image: str, command: Sequence[str], trial: Trial) -> tuple[int | None, str]:
        """Run a program in a container that is thrown away."""
        return run(self.processes, [PROGRAM], image, command, trial)

    def require_space(self, directory: Path) -> None:
        """KollaError unless there is room."""
        space.require((self._root, directory), "make room, for example with: podman image prune")

    def build(self, request: Request) -> str:
        """Run one build; the image's ID."""
        # Proxies go over the environment alone (--http-proxy, the default): buildah writes build
        # arguments into the image's history.
        command = [PROGRAM, "build", "--format=docker", "--layers"]
        return build(self.processes, command, request, request.arguments)

    def cancel(self) -> None:
        """End every build, pull and push."""
        self.processes.cancel()

    def _transfer(self, doing: str, registry: Registry | None, *words: str) -> None:
        """Run podman, which speaks with a registry; RegistryError with its last words when it fails."""
        with tempfile.TemporaryFile() as printed:
            status = self.processes.run([PROGRAM, *words], printed, os.environ)
            printed.seek(0)
            lines = printed.read().decode(errors="replace").strip().splitlines()
        if status != 0:
            raise refused(doing, registry, lines[-1] if lines else f"podman ended with {status}")


@contextmanager
def _credentials(registry: Registry) -> Iterator[tuple[Path, list[str]]]:
    """A directory for one call, and the options that say how to reach the registry."""
    with tempfile.TemporaryDirectory(prefix="kolla-registry-") as name:
        directory = Path(name)
        options = []
        if registry.password is not None:
            pair = f"{registry.username}:{registry.password.reveal()}"
            document = {"auths": {registry.host: {"auth": base64.b64encode(pair.encode()).decode()}}}
            path = directory / "auth.json"
            path.touch(0o600)
            path.write_text(json.dumps(document))
            options += ["--authfile", str(path)]
        if registry.certificates is not None:
            trusted = directory / "certificates"
            trusted.mkdir()
            (trusted / "ca.crt").write_bytes(registry.certificates.read_bytes())
            options += ["--cert-dir", str(trusted)]
        if registry.insecure:
            options.append("--tls-verify=false")
        yield directory, options


def _ask(*words: str) -> str:
    """What podman prints; KollaError with its last words when it fails."""
    return b"".join(output_of([PROGRAM, *words])).decode().strip()
