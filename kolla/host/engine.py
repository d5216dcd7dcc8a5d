"""The calls we make of a container engine.

One class over the Docker API. Podman speaks it as well; where its words are others, see `podman`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
import docker.errors
import requests.exceptions

from .deadline import Deadline
from .engines import PODMAN, kind_of
from .errors import NoSuchProgram, OperationFailed, Refusal
from .projection import stop_timeout
from .shapes import Json

CALL_TIMEOUT = 120
"""Seconds one call may take, besides what the call itself is told to wait."""
HEALTH_POLL = 0.05
NOT_FOUND = (126, 127)
"""Exit status of a program that is not in the container; which one depends on the engine's version."""


class EngineUnreachable(Refusal):
    """No engine answers on the socket."""


class Engine:
    """A connection to the engine; safe to use from several threads."""

    def __init__(self, name: str, client: docker.APIClient, version: str) -> None:
        self.name = name
        self.version = version
        # Any: the SDK's stubs leave some of its calls without types.
        self._client: Any = client
        self._images: dict[str, Json] = {}

    def containers(self) -> list[Json]:
        """All containers, running or not, in the engine's short form (Names, Labels, State)."""
        with explained("cannot list containers"):
            # One that is just being removed has lost its names already.
            return [container for container in self._client.containers(all=True) if container["Names"]]

    def inspect(self, name: str) -> Json | None:
        """What the engine knows of a container, None when there is none."""
        with explained(f"cannot look at container '{name}'"):
            try:
                return dict(self._client.inspect_container(name))
            except docker.errors.NotFound:
                return None

    def create(self, name: str, body: Json) -> None:
        """Create a container from an API body, not started."""
        with explained(f"cannot create container '{name}'"):
            self._client.create_container_from_config(body, name=name)

    def start(self, name: str) -> None:
        """Start a container; nothing happens when it runs."""
        with explained(f"cannot start container '{name}'"):
            self._client.start(name)

    def stop(self, name: str, timeout: int | None = None) -> None:
        """Ask a container to end, kill it after `timeout` seconds (its own stop timeout by default)."""
        with explained(f"cannot stop container '{name}'"):
            if timeout is None:
                # Asked for aloud, because the client waits for an answer only so much longer.
                container = self.inspect(name)
                timeout = stop_timeout(container["Config"] if container else {})
            self._client.stop(name, timeout=timeout)

    def restart(self, name: str, timeout: int) -> None:
        """Stop (see `stop`) and start a container."""
        with explained(f"cannot restart container '{name}'"):
            self._client.restart(name, timeout=timeout)

    def rename(self, name: str, new_name: str) -> None:
        """Give a container another name."""
        with explained(f"cannot rename container '{name}'"):
            self._client.rename(name, new_name)

    def remove(self, name: str) -> None:
        """Kill and remove a container with its anonymous volumes; nothing happens without one."""
        with explained(f"cannot remove container '{name}'"), suppress(docker.errors.NotFound):
            self._client.remove_container(name, v=True, force=True)

    def log(self, name: str, lines: int, stdout: bool = True, stderr: bool = True) -> list[str]:
        """The last lines a container wrote."""
        with explained(f"cannot read the log of container '{name}'"):
            text = self._client.logs(name, tail=lines, stdout=stdout, stderr=stderr)
        return str(text.decode(errors="replace")).splitlines()

    def succeeds_in(self, name: str, command: Sequence[str], timeout: float) -> bool:
        """Whether `command` exits with 0 inside the container within `timeout` seconds."""
        try:
            call = self._client.exec_create(name, list(command))["Id"]
            self._client.exec_start(call, detach=True)
            deadline = Deadline(timeout)
            while not deadline.passed:
                result = self._client.exec_inspect(call)
                if not result["Running"]:
                    return bool(result["ExitCode"] == 0)
                time.sleep(HEALTH_POLL)
        except docker.errors.APIError:
            # It is not running just now: nothing succeeds in it, which is all this question is about.
            pass
        return False

    def run_in(self, name: str, command: Sequence[str]) -> list[str]:
        """Run `command` inside a container; the lines it wrote. OperationFailed with them unless it exits
        with 0."""
        with explained(f"cannot run {command[0]} in container '{name}'"):
            call = self._client.exec_create(name, list(command))["Id"]
            said: list[str] = self._client.exec_start(call).decode(errors="replace").splitlines()
            status = self._client.exec_inspect(call)["ExitCode"]
        if status != 0:
            kind = NoSuchProgram if status in NOT_FOUND else OperationFailed
            raise kind(f"{command[0]} in container '{name}' ended with exit status {status}", said)
        return said

    def directory(self) -> str:
        """Where it keeps images and volumes."""
        with explained("cannot ask where the engine keeps its data"):
            return str(self._client.info()["DockerRootDir"])

    def volume(self, name: str) -> Json | None:
        """A volume, None when there is none."""
        with explained(f"cannot look at volume '{name}'"):
            try:
                return dict(self._client.inspect_volume(name))
            except docker.errors.NotFound:
                return None

    def volumes(self, label: str) -> list[Json]:
        """All volumes with a label `name=value`."""
        with explained("cannot list volumes"):
            return list(self._client.volumes(filters={"label": label})["Volumes"] or ())

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """Create a volume; the engine does nothing when it exists."""
        with explained(f"cannot create volume '{name}'"):
            self._client.create_volume(name, labels=dict(labels))

    def remove_volume(self, name: str) -> None:
        """Remove a volume and everything in it."""
        with explained(f"cannot remove volume '{name}'"):
            self._client.remove_volume(name)

    def image(self, reference: str) -> Json | None:
        """An image by ID or reference, None when there is none; looked up once in a process."""
        if reference not in self._images:
            with explained(f"cannot look at image {reference}"):
                try:
                    self._images[reference] = dict(self._client.inspect_image(reference))
                except docker.errors.ImageNotFound:
                    return None
        return self._images[reference]

    def pull(self, reference: str, deadline: Deadline, login: Mapping[str, str] | None = None) -> None:
        """Pull an image, logging in with `username` and `password` of `login`, else as
        ~/.docker/config.json says."""
        with explained(f"cannot pull {reference}"):
            for line in self._client.pull(reference, stream=True, decode=True, auth_config=login):
                if "error" in line:
                    raise OperationFailed(f"cannot pull {reference}: {line['error']}")
                deadline.check(f"pulling {reference}")

    def tag(self, image: str, reference: str) -> None:
        """Give an image a tag."""
        repository, _, tag = reference.rpartition(":")
        with explained(f"cannot tag {image} as {reference}"):
            self._client.tag(image, repository, tag)

    def users(self, image: str) -> list[str]:
        """The containers made of an image (its ID), running or not."""
        return [each["Names"][0].lstrip("/") for each in self.containers() if each["ImageID"] == image]

    def remove_image(self, image: str) -> None:
        """Remove an image (its ID) with all of its names; OperationFailed, and none is removed, while a
        container is made of it."""
        # Asked to by force, Docker would remove it from under a container that is stopped.
        if users := self.users(image):
            raise OperationFailed(f"cannot remove image {image}: it is used by {', '.join(users)}")
        with explained(f"cannot remove image {image}"):
            self._remove_image(image)

    def _remove_image(self, image: str) -> None:
        self._client.remove_image(image, force=True)


def connect(name: str, timeout: int = CALL_TIMEOUT) -> Engine:
    """The engine called `name`; EngineUnreachable when none answers, Refusal for an unknown name."""
    socket = kind_of(name).socket
    hint = "run: kolla bootstrap-servers"
    if not Path(socket).is_socket():
        raise EngineUnreachable("engine", f"no {name} engine: {socket} does not exist", hint=hint)
    try:
        client = docker.APIClient(f"unix://{socket}", timeout=timeout)
        version = client.version()["Version"]
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        message = f"no {name} engine answers at {socket}: {_reason(error)}"
        raise EngineUnreachable("engine", message, hint=hint) from None
    if name == PODMAN.name:
        from .podman import Podman

        return Podman(name, client, version)
    return Engine(name, client, version)


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn the engine's errors into one sentence."""
    try:
        yield
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise OperationFailed(f"{what}: {_reason(error)}") from None


def _reason(error: Any) -> str:
    """What the engine itself said, without the transport around it."""
    text = str(getattr(error, "explanation", None) or error)
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text
