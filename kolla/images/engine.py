"""The engine images are built in: BuildKit through a docker client, everything else through the SDK.

The floor is engine 20.10. The SDK cannot drive BuildKit, so a client program is needed; those that can
build are a client older than 23 (BuildKit is built in) or one with a working buildx plugin.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO

import docker
from docker.errors import APIError, DockerException, ImageNotFound

from kolla.errors import KollaError
from kolla.images.context import Context

FREE_SPACE = 4 * 1024**3
"""Bytes that must be free where the engine keeps images: twice what one large image takes."""


class BuildError(KollaError):
    """One image could not be built."""


@dataclass(frozen=True)
class Request:
    """What one run of the docker client is given."""

    dockerfile: str
    context: Context
    secrets: Mapping[str, bytes]
    arguments: Mapping[str, str]
    """Build arguments; only the predefined proxy variables, which leave no trace."""
    log: Path
    timeout: int
    """Seconds."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels besides those of the Dockerfile."""
    use_cache: bool = True
    output: Path | None = None
    """Export the last stage's files to this directory instead of making an image."""


@dataclass
class Engine:
    """A container engine that answers."""

    client: docker.DockerClient
    _running: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _cancelled: bool = False
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def connect(cls) -> Engine:
        """The engine DOCKER_HOST names, or the local one; KollaError if none answers."""
        try:
            client = docker.from_env(timeout=600)
            client.ping()
        except DockerException as error:
            raise KollaError(
                f"no container engine answers: {error}", hint="run: kolla bootstrap-servers"
            ) from None
        return cls(client)

    def images(self) -> dict[str, frozenset[str]]:
        """Image ID -> its tags, for every image the engine has."""
        return {i["Id"]: frozenset(i["RepoTags"] or ()) for i in self.client.api.images(all=True)}

    def size(self, image: str) -> int:
        """Bytes of an image, shared layers included."""
        return int(self.client.images.get(image).attrs["Size"])

    def tag(self, image: str, reference: str) -> None:
        """Give an image a further name; KollaError when the engine no longer has it."""
        repository, _, tag = reference.rpartition(":")
        try:
            self.client.api.tag(image, repository, tag, force=True)
        except ImageNotFound:
            raise KollaError(f"the image for {reference} is gone", hint="run: kolla build") from None

    def untag(self, reference: str) -> None:
        """Take a name from an image; the image goes with its last name, unless a container uses it."""
        self.client.images.remove(reference, force=True)

    def pull(self, reference: str) -> str:
        """Have an image from a registry, and give back its digest (`name@sha256:...`)."""
        try:
            return str(self.client.images.pull(reference).attrs["RepoDigests"][0])
        except (APIError, ImageNotFound) as error:
            raise KollaError(f"cannot pull {reference}: {error.explanation}") from None

    def push(self, reference: str) -> str:
        """Push one tag; gives back the digest (`name@sha256:...`). KollaError with the registry's words."""
        repository, _, tag = reference.rpartition(":")
        digest = ""
        try:
            for line in self.client.api.push(repository, tag, stream=True, decode=True):
                if "error" in line:
                    raise KollaError(f"cannot push {reference}: {line['error']}")
                digest = line.get("aux", {}).get("Digest", digest)
        except APIError as error:
            raise KollaError(f"cannot push {reference}: {error.explanation}") from None
        return f"{repository}@{digest}"

    def read_file(self, image: str, path: str) -> str | None:
        """A file of an image as text, or None when it has none there. Nothing of the image is run."""
        api = self.client.api
        container = api.create_container(image, command=["-"])["Id"]
        try:
            chunks, _ = api.get_archive(container, path)
            with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
                member = archive.extractfile(archive.getmembers()[0])
                return member.read().decode() if member else None
        except docker.errors.NotFound:
            return None
        finally:
            api.remove_container(container, v=True, force=True)

    def require_space(self, directory: Path) -> None:
        """KollaError unless there is room for images, in the engine and in the state directory."""
        root = Path(self.client.info()["DockerRootDir"])
        for place in (root, directory):
            if not place.exists():
                continue  # the engine is on another machine
            free = shutil.disk_usage(place).free
            if free < FREE_SPACE:
                raise KollaError(
                    f"no space to build images: {place} has {free / 1e9:.1f} GB free",
                    expected=f"at least {FREE_SPACE / 1e9:.1f} GB",
                    hint="make room, for example with: docker builder prune",
                )

    def build(self, request: Request) -> str:
        """Run one build and give back the image's ID; BuildError when it fails or takes too long."""
        with tempfile.TemporaryDirectory(prefix="kolla-build-") as name:
            directory = Path(name)
            command = self._command(request, directory)
            request.log.parent.mkdir(parents=True, exist_ok=True)
            with request.log.open("wb") as log:
                status = self._run(command, request, log)
            if status != 0:
                raise BuildError("the build failed")
            if request.output is not None:
                return ""
            return (directory / "id").read_text().strip()

    def cancel(self) -> None:
        """End every build that runs; no other begins."""
        with self._guard:
            self._cancelled = True
            for process in self._running:
                process.terminate()

    def _command(self, request: Request, directory: Path) -> list[str]:
        context = directory / "context"
        context.mkdir()
        for file in request.context:
            file.write(context)
        dockerfile = directory / "Dockerfile"
        dockerfile.write_text(request.dockerfile)
        command = [*self._builder, "--progress=plain", "--file", str(dockerfile)]
        for name, content in request.secrets.items():
            path = directory / f"secret-{name}"
            path.touch(0o600)
            path.write_bytes(content)
            command += ["--secret", f"id={name},src={path}"]
        for name in request.arguments:
            command += ["--build-arg", name]
        for label, value in request.labels.items():
            command += ["--label", f"{label}={value}"]
        if not request.use_cache:
            command.append("--no-cache")
        if request.output is not None:
            command += ["--output", f"type=local,dest={request.output}"]
        else:
            command += ["--iidfile", str(directory / "id")]
        return [*command, str(context)]

    def _run(self, command: list[str], request: Request, log: IO[bytes]) -> int:
        # Values of build arguments go over the environment: a proxy's may hold a password.
        environment = {**os.environ, "DOCKER_BUILDKIT": "1", **request.arguments}
        with self._guard:
            if self._cancelled:
                raise BuildError("cancelled")
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment
            )
            self._running.add(process)
        try:
            return process.wait(request.timeout)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
            raise BuildError(
                f"the build took longer than {request.timeout} s (image_build_timeout)"
            ) from None
        finally:
            with self._guard:
                self._running.discard(process)

    @cached_property
    def _builder(self) -> list[str]:
        return find_builder()


def find_builder() -> list[str]:
    """The command that builds, from the docker clients on PATH; KollaError when none of them can."""
    for program in _programs("docker"):
        answer = _output([program, "version", "--format", "{{.Client.Version}}"])
        major = re.match(r"(\d+)\.", answer)
        if major and int(major[1]) < 23:
            return [program, "build"]
        if _output([program, "buildx", "version"]):
            return [program, "buildx", "build", "--load"]
    raise KollaError(
        "no docker client on PATH can build images",
        expected="a docker client older than 23, or one with the buildx plugin",
        hint="run: kolla bootstrap-servers",
    )


def _programs(name: str) -> list[str]:
    found = [shutil.which(name, path=directory) for directory in os.get_exec_path()]
    return list(dict.fromkeys(str(Path(program).resolve()) for program in found if program))


def _output(command: list[str]) -> str:
    """What a command prints, empty when it fails."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() if result.returncode == 0 else ""
