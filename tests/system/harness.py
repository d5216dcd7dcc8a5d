"""Driving the product as an operator does: its commands, the engine, HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import yaml
from docker.models.containers import Container

ROOT = Path(__file__).parents[2]
KOLLA = str(Path(sys.executable).parent / "kolla")


@dataclass(frozen=True)
class Kolla:
    """The command line, for one configuration directory."""

    config_directory: Path
    options: tuple[str, ...] = ()

    def arguments(self, *words: str) -> list[str]:
        return [KOLLA, "--configdir", str(self.config_directory), *self.options, *words]

    def run(self, *words: str, expect: int = 0) -> str:
        """Run a verb; its standard output, and standard error as well when it is expected to fail."""
        done = self._run(words, expect)
        return done.stdout + done.stderr if expect not in (0, 2) else done.stdout

    def progress(self, *words: str) -> str:
        """Run a verb; what it says on its way, each line with the time."""
        return self._run(words, 0).stderr

    def json(self, *words: str, expect: int = 0) -> Any:
        """The document a verb prints."""
        return json.loads(self._run([*words, "-f", "json"], expect).stdout)

    def _run(self, words: Sequence[str], expect: int) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(self.arguments(*words), capture_output=True, text=True)
        said = f"{' '.join(words)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == expect, said
        return done

    def plan(self) -> list[dict[str, Any]]:
        """The operations a deploy would do now."""
        done = subprocess.run(self.arguments("plan", "-f", "json"), capture_output=True, text=True)
        assert done.returncode in (0, 2), done.stderr
        operations: list[dict[str, Any]] = json.loads(done.stdout)["operations"]
        assert bool(operations) == (done.returncode == 2)
        return operations

    def set(self, **values: Any) -> None:
        """Give keys of globals.yml values; a former value may have lines of its own below its key."""
        path = self.config_directory / "globals.yml"
        kept, goes = [], False
        for line in path.read_text().splitlines():
            if not line.startswith((" ", "-")):
                goes = line.partition(":")[0] in values
            if not goes:
                kept.append(line)
        lines = [*kept, *(f"{key}: {json.dumps(value)}" for key, value in values.items())]
        path.write_text("\n".join(lines) + "\n")

    def override(self, path: str, text: str) -> Path:
        """Write a file below config/."""
        file = self.config_directory / "config" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file


def begin_again(cloud: Kolla, release: str, later: str) -> None:
    """The machine's cloud from nothing, of one OpenStack release, with a server in it; and the images of a
    later one."""
    cloud.run("destroy", "--volumes", "--yes-i-really-really-mean-it")
    cloud.set(openstack_release=release)
    for verb in ("build", "bootstrap-servers", "deploy", "post-deploy", "init-runonce"):
        cloud.run(verb)
    cloud.set(openstack_release=later)
    cloud.run("build")


def containers(engine: docker.DockerClient, *, all: bool = False) -> list[Container]:
    """The containers of the cloud of `make cloud`."""
    cloud_id = yaml.safe_load(Path("/etc/kolla/passwords.yml").read_text())["cloud_id"]
    found: list[Container] = engine.containers.list(all=all, filters={"label": f"kolla.cloud={cloud_id}"})
    return found


def started(engine: docker.DockerClient) -> dict[str, str]:
    """Which containers run, and when each was started last."""
    return {c.name: f"{c.id} {c.attrs['State']['StartedAt']}" for c in containers(engine)}


def snapshot(engine: docker.DockerClient, config: Path) -> dict[str, Any]:
    """What a host is like, without what differs between two equally good hosts (ids, times,
    generations)."""
    specs = {}
    for container in containers(engine, all=True):
        specs[container.name] = [
            container.labels["kolla.spec"],
            container.status,
            container.attrs["Image"],
            sorted((m["Destination"], m.get("Name", m["Source"])) for m in container.attrs["Mounts"]),
        ]
    folders = [
        Path(c.labels["kolla.folder"]) for c in engine.containers.list(filters={"label": "kolla.cloud"})
    ]
    files = {
        str(path): [path.read_bytes(), oct(path.stat().st_mode)]
        for folder in sorted(folders)
        for path in sorted(folder.iterdir())
    }
    records = {
        path.name: json.loads(path.read_text())["key"] for path in Path("/var/lib/kolla/kolla/jobs").iterdir()
    }
    leftovers = sorted(str(path) for path in config.glob("jobs/*"))
    return {"containers": specs, "files": files, "jobs": records, "leftovers": leftovers}


def rounds(text: str) -> range:
    """The rounds of a campaign that are meant: `3`, or `4-9`."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def http(
    url: str, headers: Mapping[str, str] | None = None, body: Any = None
) -> tuple[int, Any, Mapping[str, str]]:
    """Status, JSON document and headers of a request."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null"), error.headers


def make(target: str, *variables: str, expect: int = 0) -> str:
    """Run a target of the Makefile in the checkout; everything it printed."""
    command: Sequence[str] = ["make", "--no-print-directory", target, *variables]
    # The machine's own virtual environment variables would point make's Python elsewhere.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VIRTUAL_ENV")}
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    assert done.returncode == expect, done.stdout
    return done.stdout


def log_lines(engine: docker.DockerClient, service: str) -> list[str]:
    """Every line of a service's log files."""
    logs = Path(engine.volumes.get("kolla_logs").attrs["Mountpoint"]) / service
    return [
        line for path in sorted(logs.glob("*.log")) for line in path.read_text(errors="replace").splitlines()
    ]


def qemu_pids(server: str) -> list[int]:
    """Processes of a server on this machine, those in its containers included."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_text().split("\0")
        except OSError:
            continue  # it ended meanwhile
        if "qemu-system" in command[0] and any(server in word for word in command):
            found.append(int(process.name))
    return found


def qemu_pid(server: str) -> int:
    """The one process of a server."""
    (pid,) = qemu_pids(server)
    return pid
