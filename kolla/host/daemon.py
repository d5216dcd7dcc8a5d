"""The engine as a daemon: starting, configuring and stopping it, with or without systemd."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from . import commands, files, listeners, processes
from .engine import EngineUnreachable, connect
from .engines import DOCKER, Kind
from .errors import Refusal
from .manifest import Manifest
from .shapes import Json

CONFIGURATION = Path("/etc/docker/daemon.json")
PODMANS_REGISTRIES = Path("/etc/containers/registries.conf.d/kolla.conf")
"""A file of ours alone (containers-registries.conf.d(5))."""
START_TIMEOUT = 60
REGISTRIES = "insecure-registries"
PROCESS, UNIT, BOOT = "process", "unit", "boot"
"""In the manifest: how we started the engine, and that we have containers start with the host."""


def has_systemd() -> bool:
    """Whether systemd is PID 1 here (sd_booted(3))."""
    return Path("/run/systemd/system").is_dir()


def answers(kind: Kind) -> bool:
    """Whether an engine answers."""
    try:
        connect(kind.name, timeout=5)
    except EngineUnreachable:
        return False
    return True


def start(kind: Kind, manifest: Manifest) -> str:
    """Start the engine and wait until it answers; a sentence about how. Refusal when it does not."""
    if has_systemd():
        manifest.add("engine", [kind.mark + UNIT])
        commands.run("systemctl", "enable", "--now", *kind.units)
        _wait(kind, None)
        return "started the engine by systemd"
    manifest.add("engine", [kind.mark + PROCESS])
    await_predecessor(kind)
    Path(kind.socket).parent.mkdir(mode=0o700, exist_ok=True)
    with kind.log.open("ab") as log:
        # A session of its own: it outlives this one.
        process = subprocess.Popen(
            kind.daemon, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True
        )
    _wait(kind, process)
    if kind.after_start:
        # What does not start is for the next plan to see.
        with suppress(Refusal):
            commands.run(*kind.after_start)
    return f"started the engine, process {process.pid}, log in {kind.log}"


def start_with_host(kind: Kind, manifest: Manifest) -> list[str]:
    """Have containers start with the host, where that is another unit than the engine's; what was done."""
    if kind.boot in kind.units or not has_systemd():
        return []
    state = commands.run("systemctl", "show", "--property=UnitFileState", "--value", kind.boot)
    if state.strip() == "enabled":
        return []
    manifest.add("engine", [kind.mark + BOOT])
    commands.run("systemctl", "enable", "--now", kind.boot)
    return ["containers start with the host"]


def await_predecessor(kind: Kind) -> None:
    """Wait for an engine that is ending; forget one that ended without a word. Refusal when it does not end.

    An engine that writes its number into a file does not start while there is a process of that number,
    whatever process that is.
    """
    if kind.pid_file is None or not kind.pid_file.exists():
        return
    pid = _pid(kind)
    end = time.monotonic() + START_TIMEOUT
    while processes.program(pid) == kind.daemon[0] and processes.lives(pid):
        if answers(kind):
            return
        if time.monotonic() >= end:
            raise Refusal(
                "engine", f"the engine, process {pid}, neither answers nor ends", hint=f"kill {pid}"
            )
        time.sleep(0.2)
    kind.pid_file.unlink(missing_ok=True)


def _wait(kind: Kind, process: subprocess.Popen[bytes] | None) -> None:
    end = time.monotonic() + START_TIMEOUT
    while not answers(kind):
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() >= end:
            what = "ended at once" if ended else f"does not answer after {START_TIMEOUT} s"
            log = kind.log.read_text(errors="replace").splitlines()[-20:] if process else []
            raise Refusal("engine", f"the engine was started and {what}", log=log)
        time.sleep(0.2)


def trusted(kind: Kind) -> list[str]:
    """The registries that the engine may use without TLS, as far as we could have said so."""
    if kind is DOCKER:
        return list(read_configuration().get(REGISTRIES, []))
    text = PODMANS_REGISTRIES.read_text() if PODMANS_REGISTRIES.exists() else ""
    return re.findall(r'^location = "(.*)"$', text, re.MULTILINE)


def trust(kind: Kind, registries: Sequence[str]) -> None:
    """Let the engine use these as well without TLS; its containers do not notice."""
    if kind is DOCKER:
        write_configuration(with_registries(read_configuration(), registries))
    else:
        _write_podmans([*trusted(kind), *registries])
    reload(kind)


def distrust(kind: Kind, registries: Sequence[str]) -> None:
    """Take that back."""
    if kind is DOCKER:
        write_configuration(without_registries(read_configuration(), registries))
    else:
        _write_podmans([each for each in trusted(kind) if each not in registries])
    reload(kind)


def podmans_registries(registries: Sequence[str]) -> str:
    """The text of a file for podman (containers-registries.conf(5))."""
    return "\n".join(f'[[registry]]\nlocation = "{each}"\ninsecure = true\n' for each in registries)


def _write_podmans(registries: Sequence[str]) -> None:
    if registries:
        PODMANS_REGISTRIES.parent.mkdir(mode=0o755, exist_ok=True)
        files.write(PODMANS_REGISTRIES, podmans_registries(registries).encode(), mode=0o644)
    else:
        PODMANS_REGISTRIES.unlink(missing_ok=True)


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


def reload(kind: Kind) -> None:
    """Have a running engine read its list of registries again; its containers do not notice."""
    if kind.restarted and has_systemd():
        commands.run("systemctl", "try-restart", *kind.restarted)
    elif answers(kind):
        os.kill(_pid(kind), signal.SIGHUP)


def _pid(kind: Kind) -> int:
    if kind.pid_file is None:
        owners = (listeners.owner(inode) for inode in listeners.listening_at(kind.socket))
        pid = next((owner for owner in owners if owner is not None), None)
        if pid is None:
            raise Refusal("engine", f"no process of this host listens at {kind.socket}")
        return pid
    if not kind.pid_file.exists():
        raise Refusal(
            "engine", f"{kind.pid_file} does not exist; restart the engine by the means it was started"
        )
    return int(kind.pid_file.read_text())


def stop(kind: Kind, manifest: Manifest) -> list[str]:
    """Stop the engine if it was us who started it; what was done."""
    changes = []
    if kind.mark + BOOT in manifest.entries("engine"):
        commands.run("systemctl", "disable", "--now", kind.boot)
        changes.append("containers do not start with the host any more")
    if kind.mark + UNIT in manifest.entries("engine"):
        commands.run("systemctl", "disable", "--now", *kind.stopped)
        changes.append("stopped the engine's unit")
    if kind.mark + PROCESS in manifest.entries("engine") and answers(kind):
        pid = _pid(kind)
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + START_TIMEOUT
        while processes.lives(pid):
            if time.monotonic() >= end:
                raise Refusal("engine", f"the engine, process {pid}, does not end")
            time.sleep(0.2)
        changes.append(f"stopped the engine, process {pid}")
    manifest.remove("engine", [kind.mark + how for how in (UNIT, PROCESS, BOOT)])
    return changes
