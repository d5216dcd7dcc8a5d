"""Docker: BuildKit through a docker client, everything else through the SDK.

The floor is engine 20.10. The SDK cannot drive BuildKit, so a client program is needed; those that can
build are a client older than 23 (BuildKit is built in) or one with a working buildx plugin.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO

import docker
import requests
import requests.exceptions
import urllib3.exceptions
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from kolla.errors import KollaError
from kolla.images import space
from kolla.images.command import build, feed, output_of, run
from kolla.images.engine import Request, Trial, digest_of
from kolla.images.processes import Cancelled, Processes
from kolla.images.registry import Registry, RegistryError, refused


class Docker:
    """The engine DOCKER_HOST names, or the local one. See `Engine` for what its methods do."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client
        self.processes = Processes()
        self._transfers = _Transfers(client.api, self.processes)

    @classmethod
    def connect(cls) -> Docker:
        """The engine; KollaError if none answers."""
        try:
            client = docker.from_env(timeout=600)
            client.ping()
        except _ERRORS as error:
            raise KollaError(
                f"no container engine answers: {error}", hint="run: kolla bootstrap-servers"
            ) from None
        return cls(client)

    def images(self) -> dict[str, frozenset[str]]:
        """Image ID -> its tags."""
        with _told("list its images"):
            return {i["Id"]: frozenset(i["RepoTags"] or ()) for i in self._client.api.images(all=True)}

    def size(self, image: str) -> int:
        """Bytes, shared layers included."""
        with _told(f"describe {image}"):
            return int(self._client.images.get(image).attrs["Size"])

    def tag(self, image: str, reference: str) -> None:
        """Give an image a further name."""
        repository, _, tag = reference.rpartition(":")
        with _told(f"tag {reference}"):
            try:
                self._client.api.tag(image, repository, tag, force=True)
            except ImageNotFound:
                raise KollaError(f"the image for {reference} is gone", hint="run: kolla build") from None

    def untag(self, reference: str) -> None:
        """Take a name from an image."""
        with _told(f"untag {reference}"):
            self._client.images.remove(reference, force=True)

    def pull(self, reference: str) -> str:
        """Have an image from a registry; its digest."""
        try:
            with self._transfers.another():
                image = self._client.images.pull(reference)
        except _ERRORS as error:
            raise refused(f"cannot pull {reference}", None, _words(error)) from None
        return digest_of(reference, image.attrs["RepoDigests"])

    def push(self, reference: str, registry: Registry) -> str:
        """Push one tag; its digest."""
        repository, _, tag = reference.rpartition(":")
        credentials = None
        if registry.password is not None:
            credentials = {"username": registry.username, "password": registry.password.reveal()}
        doing, digest = f"cannot push {reference}", ""
        try:
            with self._transfers.another():
                for line in self._client.api.push(
                    repository, tag, stream=True, decode=True, auth_config=credentials
                ):
                    if "error" in line:
                        raise refused(doing, registry, line["error"])
                    digest = line.get("aux", {}).get("Digest", digest)
        except _ERRORS as error:
            raise refused(doing, registry, _words(error)) from None
        return f"{repository}@{digest}"

    def save(self, references: Iterable[str]) -> Iterator[bytes]:
        """Images as one archive."""
        return output_of([self._builder[0], "save", *references])

    def load(self, archive: IO[bytes]) -> None:
        """Have the images of an archive."""
        feed([self._builder[0], "load", "--quiet"], archive)

    def archives(self, image: str, paths: Iterable[str]) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Archives of paths of an image."""
        api, doing = self._client.api, f"read {image}"
        with _told(doing):
            container = api.create_container(image, command=["-"])["Id"]
        try:
            for path in paths:
                with _told(doing):
                    try:
                        pieces, _ = api.get_archive(container, path)
                    except NotFound:
                        continue
                yield path, _read(pieces, doing)
        finally:
            with _told(f"remove a container of {image}"):
                api.remove_container(container, v=True, force=True)

    def run(self, image: str, command: Sequence[str], trial: Trial) -> tuple[int | None, str]:
        """Run a program in a container that is thrown away."""
        return run(self.processes, self._builder[:1], image, command, trial)

    def require_space(self, directory: Path) -> None:
        """KollaError unless there is room."""
        with _told("describe itself"):
            root = Path(self._client.info()["DockerRootDir"])
        space.require((root, directory), "make room, for example with: docker builder prune")

    def build(self, request: Request) -> str:
        """Run one build; the image's ID."""
        # Only the predefined proxy arguments leave no trace in an image. Their values go over the
        # environment, because one may hold a password.
        arguments = [word for name in request.arguments for word in ("--build-arg", name)]
        environment = {"DOCKER_BUILDKIT": "1", **request.arguments}
        command = [*self._builder, "--progress=plain", *arguments]
        return build(self.processes, command, request, environment)

    def cancel(self) -> None:
        """End every build, pull and push."""
        self.processes.cancel()
        self._transfers.end()

    @cached_property
    def _builder(self) -> list[str]:
        return find_builder()


_ERRORS = (DockerException, requests.exceptions.RequestException, urllib3.exceptions.HTTPError)
"""What the SDK raises when the engine refuses something, or does not answer; some of it is an OSError."""


class _Transfers:
    """Pulls and pushes, whose answers come as long as they take. When the run is given up we stop listening,
    and an engine that nobody listens to ends what it told of."""

    def __init__(self, session: requests.Session, processes: Processes) -> None:
        self._processes = processes
        self._mine = threading.local()
        self._open: list[requests.Response] = []
        self._guard = threading.Lock()
        session.hooks["response"].append(self._hear)

    @contextmanager
    def another(self) -> Iterator[None]:
        """Whatever this thread asks of the engine meanwhile is part of a transfer; Cancelled when the run is
        given up before its end."""
        if self._processes.cancelled:
            raise Cancelled
        self._mine.answers = []
        try:
            yield
        except (*_ERRORS, RegistryError):
            if not self._processes.cancelled:
                raise
        finally:
            with self._guard:
                self._open = [answer for answer in self._open if answer not in self._mine.answers]
            self._mine.answers = None
        if self._processes.cancelled:
            raise Cancelled

    def end(self) -> None:
        """End those that run."""
        with self._guard:
            for answer in self._open:
                _shut(answer)

    def _hear(self, answer: requests.Response, **_: object) -> None:
        """An answer begins."""
        mine = getattr(self._mine, "answers", None)
        if mine is None:
            return
        mine.append(answer)
        with self._guard:
            self._open.append(answer)
            if self._processes.cancelled:
                _shut(answer)


def _shut(answer: requests.Response) -> None:
    with contextlib.suppress(OSError, RuntimeError, ValueError):  # it has ended meanwhile
        answer.raw.shutdown()


@contextmanager
def _told(doing: str) -> Iterator[None]:
    """An error of the engine as one of ours; `doing` is what it was to do."""
    try:
        yield
    except _ERRORS as error:
        raise KollaError(f"the container engine cannot {doing}: {_words(error)}") from None


def _words(error: Exception) -> str:
    return str(error.explanation if isinstance(error, APIError) and error.explanation else error)


def _read(pieces: Iterator[bytes], doing: str) -> Iterator[bytes]:
    with _told(doing):
        yield from pieces


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
