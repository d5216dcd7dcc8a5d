"""The engine as a daemon: starting, configuring and stopping it, with or without systemd."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from . import commands, files, processes
from .engine import EngineUnreachable, connect
from .errors import Refusal
from .manifest import Manifest
from .shapes import Json

CONFIGURATION = Path("/etc/docker/daemon.json")
CERTIFICATES = Path("/etc/docker/certs.d")
"""Where the engine looks for who signs the certificate of a registry: `HOST[:PORT]/ca.crt`."""
DAEMON = "dockerd"
PID_FILE = Path("/var/run/docker.pid")
LOG = Path("/var/log/kolla-dockerd.log")
START_TIMEOUT = 60
REGISTRIES = "insecure-registries"
PROCESS, UNIT = "process", "unit"
"""In the manifest: how we started the engine."""


def has_systemd() -> bool:
    """Whether systemd is PID 1 here (sd_booted(3))."""
    return Path("/run/systemd/system").is_dir()


def answers() -> bool:
    """Whether an engine answers."""
    try:
        connect("docker", timeout=5)
    except EngineUnreachable:
        return False
    return True


def start(manifest: Manifest) -> str:
    """Start the engine and wait until it answers; a sentence about how. Refusal when it does not."""
    if has_systemd():
        manifest.add("engine", [UNIT])
        commands.run("systemctl", "enable", "--now", "docker.service")
        _wait(None)
        return "started the engine by systemd"
    manifest.add("engine", [PROCESS])
    await_predecessor()
    with LOG.open("ab") as log:
        # A session of its own: it outlives this one.
        process = subprocess.Popen(
            [DAEMON], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True
        )
    _wait(process)
    return f"started the engine, process {process.pid}, log in {LOG}"


def await_predecessor() -> None:
    """Wait for an engine that is ending; forget one that ended without a word. Refusal when it does not end.

    An engine does not start while there is a process of the number in its file, whatever process that is.
    """
    if not PID_FILE.exists():
        return
    pid = _pid()
    end = time.monotonic() + START_TIMEOUT
    while processes.program(pid) == DAEMON and processes.lives(pid):
        if answers():
            return
        if time.monotonic() >= end:
            raise Refusal(
                "engine", f"the engine, process {pid}, neither answers nor ends", hint=f"kill {pid}"
            )
        time.sleep(0.2)
    PID_FILE.unlink(missing_ok=True)


def _wait(process: subprocess.Popen[bytes] | None) -> None:
    end = time.monotonic() + START_TIMEOUT
    while not answers():
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() >= end:
            what = "ended at once" if ended else f"does not answer after {START_TIMEOUT} s"
            log = LOG.read_text(errors="replace").splitlines()[-20:] if process else []
            raise Refusal("engine", f"the engine was started and {what}", log=log)
        time.sleep(0.2)


def with_registries(configuration: Json, registries: Sequence[str]) -> Json:
    """An engine's configuration that also lets it use these registries without TLS."""
    present = configuration.get(REGISTRIES, [])
    return {**configuration, REGISTRIES: [*present, *(each for each in registries if each not in present)]}


def without_registries(configuration: Json, registries: Sequence[str]) -> Json:
    """The configuration before `with_registries`."""
    left = [each for each in configuration.get(REGISTRIES, []) if each not in registries]
    rest = {key: value for key, value in configuration.items() if key != REGISTRIES}
    return {**rest, REGISTRIES: left} if left else rest


def read_configuration() -> Json:
    """The engine's configuration file, empty when there is none; Refusal when it is not JSON."""
    try:
        configuration: Json = files.read_json(CONFIGURATION) or {}
    except ValueError as error:
        raise Refusal("failed", f"{CONFIGURATION} is not JSON: {error}") from None
    return configuration


def write_configuration(configuration: Json) -> None:
    """Write the engine's configuration file, or remove it when nothing is left in it."""
    if configuration:
        CONFIGURATION.parent.mkdir(mode=0o755, exist_ok=True)
        files.write(CONFIGURATION, json.dumps(configuration, indent=2).encode() + b"\n", mode=0o644)
    else:
        CONFIGURATION.unlink(missing_ok=True)


def reload() -> None:
    """Have a running engine read its list of registries again; its containers do not notice."""
    if answers():
        os.kill(_pid(), signal.SIGHUP)


def _pid() -> int:
    if not PID_FILE.exists():
        raise Refusal("engine", f"{PID_FILE} does not exist; restart the engine by the means it was started")
    return int(PID_FILE.read_text())


def stop(manifest: Manifest) -> list[str]:
    """Stop the engine if it was us who started it; what was done."""
    changes = []
    if UNIT in manifest.entries("engine"):
        commands.run("systemctl", "disable", "--now", "docker.service", "docker.socket")
        changes.append("stopped the engine's unit")
    if PROCESS in manifest.entries("engine") and answers():
        pid = _pid()
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + START_TIMEOUT
        while processes.lives(pid):
            if time.monotonic() >= end:
                raise Refusal("engine", f"the engine, process {pid}, does not end")
            time.sleep(0.2)
        changes.append(f"stopped the engine, process {pid}")
    manifest.remove("engine", (UNIT, PROCESS))
    return changes
