"""A cloud of tiny containers on this machine, deployed by the product itself."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml
from integration.host.conftest import busybox

from kolla.api import Cloud
from kolla.build_report import BuildReport, BuiltImage
from kolla.catalogue import loader

SERVICE = """\
name: tiny
title: Tiny
enabled: true
groups: {tiny: control}
settings:
  tiny_word: {default: one, description: What it says.}
  enable_tiny_second: {type: boolean, default: true, description: Whether there is a second one.}
users: {tiny: {uid: 42997, home: /tmp}}
images:
  tiny: {user: tiny}
containers:
  tiny-first:
    image: tiny
    command: run
    config: {run: {to: /tmp/}, word.conf: {to: /tmp/, format: ini}}
    volumes: {NAME: /data}
    health: {command: [test, -e, /tmp/ready], start_timeout: 10}
  tiny-second:
    image: tiny
    when: "{{ enable_tiny_second }}"
    command: run
    config: {run: {to: /tmp/}, word.conf: {to: /tmp/, format: ini}}
    health: {command: [test, -e, /tmp/ready], start_timeout: 10}
    after: [job/note]
jobs:
  note:
    container: tiny-first
    command: [note]
"""
BACKUPS = """\
provides:
  database: {volume: NAME, backup: keep, restore: bring}
verbs:
  keep:
    description: Keep what there is.
    job: {container: tiny-first, command: [keep], volumes: {NAME_kept: /kept}}
  bring:
    description: Bring back what was kept.
    argument: {name: name, description: What was kept.}
    check: {container: tiny-first, command: [look], volumes: {NAME_kept: /kept}}
    job: {container: tiny-first, command: [bring], volumes: {NAME_kept: /kept}}
    replaces: [NAME]
    loses: loses the words of since
upgrade:
  releases:
    2025.2 -> 2026.1: {safe: false, because: It writes words that the older one cannot read.}
"""
"""What a service with data has besides that cannot go back with it."""
RUN = """\
trap 'exit 0' TERM
case $KOLLA_SERVICE_NAME in
tiny_note) date >> /data/jobs; exit 0;;
tiny_verb_keep) cp /data/word /kept/first; echo '{"message": "kept", "backup": {"name": "first"}}'; exit 0;;
tiny_before_bring) test -e "/kept/$KOLLA_ARGUMENT"; exit $?;;
tiny_verb_bring) cp "/kept/$KOLLA_ARGUMENT" /data/word; exit $?;;
esac
grep -q broken /var/lib/kolla/config_files/word.conf && exit 1
touch /tmp/ready
while :; do sleep 0.1; done
"""


class TinyCloud:
    """A configuration directory, a build report, and the verbs on both."""

    def __init__(self, directory: Path, engine: docker.DockerClient, program: bytes) -> None:
        self.unique = uuid.uuid4().hex[:8]
        self.name = f"tiny-{self.unique}"
        self.volume = f"tiny_{self.unique}"
        self.directory, self.engine, self.program = directory, engine, program
        self.folder = directory / "services" / "tiny"
        (self.folder / "config").mkdir(parents=True)
        (self.folder / "service.yml").write_text(SERVICE.replace("NAME", self.volume))
        (self.folder / "config" / "run.j2").write_text(RUN)
        (self.folder / "config" / "word.conf.j2").write_text("[say]\nword = {{ tiny_word }}\n")
        self.images: list[str] = []
        others = [f for f in loader.load().folders.values() if f.service.enabled is not None]
        self.settings: dict[str, Any] = {
            "cloud_name": self.name,
            "node_config": str(directory / "node"),
            "kolla_internal_vip_address": "192.0.2.1",
            "api_interface": "lo",
            "volume_names": {"kolla_logs": f"{self.volume}_logs"},  # another cloud may be on this machine
            **{f"enable_{f.name.replace('-', '_')}": False for f in others},
        }
        self.set()
        self.api.genpwd()
        self.build()

    @property
    def api(self) -> Cloud:
        """The verbs; everything is read anew."""
        return Cloud(self.directory, service_paths=[self.folder])

    def set(self, **changes: Any) -> None:
        """Change settings."""
        self.settings |= changes
        (self.directory / "globals.yml").write_text(yaml.safe_dump(self.settings))

    def has_backups(self) -> None:
        """Give it verbs that keep its data and bring it back, which it needs to go back to 2025.2."""
        with (self.folder / "service.yml").open("a") as file:
            file.write(BACKUPS.replace("NAME", self.volume))

    @property
    def word(self) -> Path:
        """A file of its data."""
        return Path(self.engine.volumes.get(self.volume).attrs["Mountpoint"]) / "word"

    def build(self, release: str = "2026.1") -> str:
        """Make another image of the same content, as the one that was built; its ID."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name, mode in (("bin", 0o755), ("data", 0o777), ("kept", 0o777), ("tmp", 0o777)):
                entry = tarfile.TarInfo(name)
                entry.type, entry.mode = tarfile.DIRTYPE, mode
                tar.addfile(entry)
            entry = tarfile.TarInfo("bin/busybox")
            entry.mode, entry.size = 0o755, len(self.program)
            tar.addfile(entry, io.BytesIO(self.program))
            for applet in ("sh", "sleep", "test", "touch", "grep", "date", "cp"):
                entry = tarfile.TarInfo(f"bin/{applet}")
                entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(entry)
        repository, tag = "kolla-tiny-test", f"{self.unique}-{len(self.images)}"
        changes = ['CMD ["/bin/sh", "/var/lib/kolla/config_files/run"]', "ENV PATH=/bin", f"LABEL n={tag}"]
        changes += [f"LABEL org.opencontainers.image.version={release}"]
        self.engine.api.import_image_from_data(
            archive.getvalue(), repository=repository, tag=tag, changes=changes
        )
        image = self.engine.images.get(f"{repository}:{tag}").id
        self.images.append(image)
        built = BuiltImage(
            name="tiny", status="built", identity=tag, id=image, reference=f"{repository}:{tag}", size=1
        )
        report = BuildReport(release=release, base="debian-13", images={"tiny": built})
        report.save(self.api.configuration.places.build_report)
        return str(image)

    def kolla(self, *words: str) -> subprocess.Popen[str]:
        """The command line, started."""
        command = [sys.executable, "-c", "from kolla.cli.main import main; main()"]
        options = ["--configdir", str(self.directory), "--service-path", str(self.folder)]
        return subprocess.Popen(
            [*command, *words, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *words: str, expect: int = 0) -> str:
        """The command line, to its end; what it prints."""
        process = self.kolla(*words)
        output, errors = process.communicate()
        assert process.returncode == expect, f"{process.returncode}\n{output}\n{errors}"
        return output + errors

    def kill_deploy_at(self, sign: str) -> None:
        """Start a deploy and kill it when a line of its progress has `sign` in it."""
        process = self.kolla("deploy")
        assert process.stderr
        for line in process.stderr:
            if sign in line:
                break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    def observed(self) -> Any:
        """What the host is like, without what differs between two equally good hosts (ids, times)."""
        return {
            container.name: [
                container.status,
                container.labels["kolla.spec"],
                container.attrs["Image"],
                {
                    path.name: path.read_text()
                    for path in sorted(Path(container.labels["kolla.folder"]).iterdir())
                },
            ]
            for container in self.containers()
        }

    def containers(self) -> list[Any]:
        """Containers of the cloud."""
        label = f"kolla.cloud={self.api.configuration.identity.id}"
        return sorted(self.engine.containers.list(all=True, filters={"label": label}), key=lambda c: c.name)

    @property
    def jobs(self) -> int:
        """How often the job was done: what it left in the volume."""
        volume = self.engine.volumes.get(self.volume)
        return len((Path(volume.attrs["Mountpoint"]) / "jobs").read_text().splitlines())

    def results(self) -> list[tuple[int, str, str]]:
        """Number, verb and result of every revision."""
        return [
            (r["number"], r["verb"], r["result"]) for r in json.loads(self.run("revisions", "-f", "json"))
        ]

    def wait_for_the_worker(self) -> None:
        """Until what a killed deployer left running on the host has ended."""
        deadline = time.monotonic() + 30
        while True:
            files = (Path("/var/lib/kolla") / self.name / "runs").glob("*.jsonl")
            if all('"finished"' in path.read_text() for path in files):
                return
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.05)

    def clean(self) -> None:
        """Remove everything, whatever the test left."""
        self.api.destroy(volumes=True, images=True)
        self.api.configuration.places.remove()
        for image in self.images:
            with contextlib.suppress(docker.errors.ImageNotFound):  # the last one went with the cloud
                self.engine.images.remove(image, force=True)


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """busybox."""
    return busybox(tmp_path_factory.mktemp("busybox"))


@pytest.fixture
def tiny(tmp_path: Path, engine: docker.DockerClient, program: bytes) -> Iterator[TinyCloud]:
    """A cloud of its own on this machine's engine; nothing is deployed yet."""
    cloud = TinyCloud(tmp_path, engine, program)
    yield cloud
    cloud.clean()
