"""Running an engine's client program: that of Docker and that of Podman are told the same way."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from kolla.errors import KollaError
from kolla.images.engine import BuildError, Request, TookTooLong, Trial
from kolla.images.processes import Processes

NOT_RUN = 125
"""Exit code of a client whose engine refused to start the container (docker-run(1))."""

PIECE = 1 << 20
"""Bytes read at a time from an archive of images."""


def build(
    processes: Processes, program: Sequence[str], request: Request, environment: Mapping[str, str]
) -> str:
    """Do what `request` says with `program` (the client and its own options).

    `environment` is added to ours. Gives back the ID of the image, empty when files are exported
    instead; BuildError when it fails or takes too long.
    """
    with tempfile.TemporaryDirectory(prefix="kolla-build-") as name:
        directory = Path(name)
        command = [*program, *_arguments(request, directory)]
        request.log.parent.mkdir(parents=True, exist_ok=True)
        with request.log.open("ab") as log:
            status = processes.run(command, log, {**os.environ, **environment}, timeout=request.timeout)
        if status is None:
            raise TookTooLong(f"the build took longer than {request.timeout} s (image_build_timeout)")
        if status != 0:
            raise BuildError("the build failed")
        return "" if request.output is not None else (directory / "id").read_text().strip()


def _arguments(request: Request, directory: Path) -> list[str]:
    """The rest of the command line; what it names is written below `directory`."""
    context = directory / "context"
    context.mkdir()
    for file in request.context:
        file.write(context)
    dockerfile = directory / "Dockerfile"
    dockerfile.write_text(request.dockerfile)
    arguments = ["--file", str(dockerfile)]
    for name, content in request.secrets.items():
        path = directory / f"secret-{name}"
        path.touch(0o600)
        path.write_bytes(content)
        arguments += ["--secret", f"id={name},src={path}"]
    for label, value in request.labels.items():
        arguments += ["--label", f"{label}={value}"]
    if not request.use_cache:
        arguments.append("--no-cache")
    if request.output is not None:
        arguments += ["--output", f"type=local,dest={request.output}"]
    else:
        arguments += ["--iidfile", str(directory / "id")]
    return [*arguments, str(context)]


def run(
    processes: Processes, program: Sequence[str], image: str, command: Sequence[str], trial: Trial
) -> tuple[int | None, str]:
    """Do what `Engine.run` says with `program` (the client). The image's init hands signals on."""
    capabilities = [f"--cap-add={name}" for name in trial.capabilities]
    options = ["--rm", "--interactive", "--pull=never", "--network=none", "--cap-drop=ALL", *capabilities]
    options.append("--security-opt=no-new-privileges")
    with tempfile.TemporaryFile() as printed:
        line = [*program, "run", *options, image, *command]
        status = processes.run(line, printed, os.environ, given=trial.given, timeout=trial.timeout)
        printed.seek(0)
        text = printed.read().decode(errors="replace")
    if status == NOT_RUN:
        raise KollaError(f"{image} could not be run: {text.strip()}")
    return status, text


def output_of(command: Sequence[str]) -> Iterator[bytes]:
    """What a command prints, in pieces; KollaError with its last words when it fails."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        assert process.stdout is not None
        try:
            while piece := process.stdout.read(PIECE):
                yield piece
        finally:
            process.stdout.close()
            status = process.wait()
        _check(command, status, errors)


def feed(command: Sequence[str], archive: IO[bytes]) -> None:
    """Give a command `archive` on its standard input; KollaError with its last words when it fails."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors)
        assert process.stdin is not None
        try:
            with contextlib.suppress(BrokenPipeError):  # it fails: its words say why
                shutil.copyfileobj(archive, process.stdin, PIECE)
                process.stdin.close()
        except BaseException:  # it would take what it has for all there is
            process.kill()
            process.wait()
            raise
        _check(command, process.wait(), errors)


def _check(command: Sequence[str], status: int, errors: IO[bytes]) -> None:
    if status != 0:
        errors.seek(0)
        words = errors.read().decode(errors="replace").strip().splitlines()
        raise KollaError(f"{Path(command[0]).name} {command[1]} failed: {words[-1] if words else status}")
