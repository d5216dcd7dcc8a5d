"""A tiny image, a cloud of its own for every test, and the host's code run the way the controller does."""

import base64
import contextlib
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest

from kolla.host.engines import DOCKER, Kind
from kolla.state.spec import ContainerSpec, HealthCheck, Mount

from . import podmans

Json = dict[str, Any]

PROGRAM = """
import sys
from dataclasses import replace
from kolla.host import engines
from kolla.host.main import main

name, socket = sys.argv[1:3]
engines.KINDS[name] = replace(engines.KINDS[name], socket=socket)
del sys.argv[1:3]
main()
"""
"""The code on a host, where an engine's socket is somewhere else: NAME SOCKET VERB."""

SERVE = "trap 'exit 0' TERM; echo serving $0; while :; do sleep 0.1; done\n"
"""A service: runs until it is told to stop."""


def busybox(directory: Path) -> bytes:
    """A static busybox from the distribution, unpacked, not installed."""
    subprocess.run(
        ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", "busybox-static"],
        cwd=directory,
        check=True,
    )
    (package,) = directory.glob("busybox-static_*.deb")
    subprocess.run(["dpkg-deb", "-x", package, directory / "root"], check=True)
    return (directory / "root/bin/busybox").read_bytes()


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The files of an image, whose /data belongs to user 1234."""
    program = busybox(tmp_path_factory.mktemp("busybox"))
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, uid in (("bin", 0), ("config", 0), ("data", 1234), ("tmp", 0)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.uid = tarfile.DIRTYPE, 0o755, uid
            tar.addfile(entry)
        entry = tarfile.TarInfo("bin/busybox")
        entry.mode, entry.size = 0o755, len(program)
        tar.addfile(entry, io.BytesIO(program))
        for applet in ("sh", "sleep", "test", "cat", "nc", "true"):
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
    return archive.getvalue()


@contextlib.contextmanager
def imported(archive: bytes, engine: docker.DockerClient) -> Iterator[str]:
    """ID of an image of those files that runs /config/run with a shell."""
    reference = f"kolla-host-test:{uuid.uuid4().hex[:8]}"
    repository, tag = reference.split(":")
    changes = ['CMD ["/bin/sh", "/config/run"]', "ENV PATH=/bin", "ENV OF_IMAGE=yes"]
    engine.api.import_image_from_data(archive, repository=repository, tag=tag, changes=changes)
    yield str(engine.images.get(reference).id)
    engine.images.remove(reference, force=True)


@pytest.fixture(scope="session")
def image(archive: bytes, engine: docker.DockerClient) -> Iterator[str]:
    """An image of this machine's engine."""
    with imported(archive, engine) as image:
        yield image


@pytest.fixture(scope="session")
def podman(archive: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kind, str]]:
    """Podman, and an image of it."""
    with podmans.running(tmp_path_factory.mktemp("podman"), tmp_path_factory.getbasetemp()) as kind:
        client = docker.DockerClient(f"unix://{kind.socket}")
        with imported(archive, client) as image:
            yield kind, image


class Host:
    """This machine, as one cloud sees it through the protocol."""

    def __init__(self, directory: Path, image: str, engine: docker.DockerClient, kind: Kind = DOCKER) -> None:
        self.unique = uuid.uuid4().hex[:8]
        self.cloud = {"name": f"test-{self.unique}", "id": str(uuid.uuid4())}
        self.directory = directory
        self.state = directory / "state" / self.cloud["name"]
        self.image = image
        self.engine = engine
        self.kind = kind
        self.bundle: dict[str, str] = {}
        self.environment = dict(os.environ)

    def start(self, verb: str, **request: Any) -> subprocess.Popen[bytes]:
        """Run a verb without waiting for its answer."""
        document = {
            "cloud": self.cloud,
            "engine": self.kind.name,
            "state_directory": str(self.directory / "state"),
            **request,
        }
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, self.kind.name, self.kind.socket, verb],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
        )
        assert process.stdin
        process.stdin.write(json.dumps(document).encode())
        process.stdin.close()
        return process

    def ask(self, verb: str, **request: Any) -> Json:
        """The answer of a verb."""
        process = self.start(verb, **request)
        assert process.stdout and process.stderr
        output, errors = process.stdout.read(), process.stderr.read().decode()
        assert process.wait() == 0, errors
        answer: Json = json.loads(output)
        return answer

    def question(self, **request: Any) -> Json:
        """The whole answer to the question before every plan."""
        nothing: Json = {
            "folders": {},
            "images": [],
            "volumes": [],
            "data": [],
            "resources": {},
            "modules": [],
        }
        return self.ask("observe", **{**nothing, **request})

    def observe(self, **request: Any) -> Json:
        """The state."""
        state: Json = self.question(**request)["state"]
        return state

    def begin(self, *operations: Json, run: str | None = None, **request: Any) -> Json:
        """Start an apply; its answer."""
        owner = {"user": "tester", "host": "elsewhere", "boot_id": "other", "pid": 1, "command": "pytest"}
        return self.ask(
            "apply",
            **{
                "run": run or uuid.uuid4().hex,
                "owner": owner,
                "operations": operations,
                "bundle": self.bundle,
                "lock_timeout": 5,
                **request,
            },
        )

    def finish(self, begun: Json) -> list[Json]:
        """Follow a run to its end and give its lease back; the events."""
        events: list[Json] = []
        assert "run" in begun, begun
        offset, finished = begun["offset"], False
        while not finished:
            part = self.ask("follow", run=begun["run"], offset=offset)
            events += part["events"]
            offset, finished = part["offset"], part["finished"]
        self.ask("release", run=begun["run"])
        return events

    def apply(self, *operations: Json, **request: Any) -> dict[str, Json]:
        """Do operations; operation -> its last event."""
        events = self.finish(self.begin(*operations, **request))
        return {event["operation"]: event for event in events}

    def do(self, operation: Json, status: str = "done", **request: Any) -> Json:
        """Do one operation, which ends with that status; its event."""
        event = self.apply(operation, **request)[operation["id"]]
        assert event["status"] == status, f"{event['status']}: {event['message']} {event['log']}"
        return event

    def name(self, noun: str) -> str:
        """A container or volume name no other test has."""
        return f"kollahosttest_{self.unique}_{noun}"

    def folder(self, noun: str, files: Mapping[str, str]) -> Json:
        """A folder with these files; their content goes into the bundle."""
        entries = []
        for name, text in sorted(files.items()):
            sha256 = hashlib.sha256(text.encode()).hexdigest()
            self.bundle[sha256] = base64.b64encode(text.encode()).decode()
            entries.append({"name": name, "sha256": sha256})
        return {"path": str(self.directory / "etc" / noun), "files": entries}

    def spec(self, noun: str, **changes: Any) -> ContainerSpec:
        """The spec of a container that runs the file `run` of its folder."""
        mounts = changes.pop("mounts", ())
        folder = Mount(
            type="bind", source=str(self.directory / "etc" / noun), target="/config", read_only=True
        )
        settings: Json = {
            "name": self.name(noun),
            "image": self.image,
            "mounts": tuple(sorted((folder, *mounts), key=lambda mount: mount.target)),
            "stop_timeout": 1,
            "health": HealthCheck(
                command=("/bin/test", "-e", "/config/run"), interval=30, timeout=5, retries=3
            ),
        }
        return ContainerSpec(**{**settings, **changes})

    def container(
        self, noun: str = "web", run: str = SERVE, files: Mapping[str, str] = {}, **changes: Any
    ) -> Json:
        """A container operation."""
        settings: Json = {
            "action": "create",
            "generation": 1,
            "start_timeout": 5,
            "reload": [],
            "update_order": "stop-first",
            "after": [],
            "timeout": 60,
        }
        settings["replaces"] = []
        settings.update({key: changes.pop(key) for key in list(changes) if key in settings})
        return {
            "id": f"container:{noun}@here",
            "kind": "container",
            "service": "test",
            "spec": self.spec(noun, **changes).model_dump(mode="json"),
            "folder": self.folder(noun, {"run": run, **files}),
            **settings,
        }

    def job(self, noun: str, run: str, **changes: Any) -> Json:
        """A job operation."""
        settings = {"key": "k1", "epochs": {}, "record": True, "renews": {}, "success": [0]}
        settings |= {"after": [], "timeout": 30}
        settings.update({key: changes.pop(key) for key in list(changes) if key in settings})
        spec = self.spec(noun, restart_policy="no", health=None, **changes)
        return {
            "id": f"job:test/{noun}@here",
            "kind": "job",
            "service": "test",
            "job": f"test/{noun}",
            "spec": spec.model_dump(mode="json"),
            "folder": self.folder(noun, {"run": run}),
            **settings,
        }

    def volume(self, noun: str, **changes: Any) -> Json:
        """A volume operation."""
        return {
            "id": f"volume:{noun}@here",
            "kind": "volume",
            "service": "test",
            "volume": self.name(noun),
            "epoch": uuid.uuid4().hex,
            "adopt": False,
            "owner": 0,
            "source": "",
            "stops": [],
            "after": [],
            "timeout": 10,
            **changes,
        }

    def inspect(self, noun: str) -> Json:
        """The engine's own view of a container."""
        found: Json = self.engine.api.inspect_container(self.name(noun))
        return found

    def containers(self) -> list[str]:
        """Names of all containers of the cloud, leftovers included, without the test's prefix."""
        label = f"kolla.cloud={self.cloud['id']}"
        found = self.engine.api.containers(all=True, filters={"label": label})
        return sorted(each["Names"][0].rpartition("_")[2] for each in found)

    def kill(self, begun: Json) -> None:
        """Kill the worker of a run, as a power cut would, and give its lease back."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(begun["worker"], signal.SIGKILL)
        self.wait_for(lambda: not Path(f"/proc/{begun['worker']}").exists())
        self.ask("release", run=begun["run"])

    @staticmethod
    def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
        """Until the condition holds; fails after some seconds."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.02)

    def clean(self) -> None:
        """Remove everything, whatever the test left."""
        label = f"kolla.cloud={self.cloud['id']}"
        for container in self.engine.api.containers(all=True, filters={"label": label}):
            self.engine.api.remove_container(container["Id"], force=True)
        for volume in self.engine.api.volumes(filters={"label": label})["Volumes"] or ():
            self.engine.api.remove_volume(volume["Name"])


@pytest.fixture
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    """A cloud of its own on this machine's engine; on podman where a test is parametrized with that name."""
    if getattr(request, "param", DOCKER.name) == DOCKER.name:
        host = Host(tmp_path, request.getfixturevalue("image"), request.getfixturevalue("engine"))
    else:
        kind, image = request.getfixturevalue("podman")
        host = Host(tmp_path, image, docker.DockerClient(f"unix://{kind.socket}"), kind)
    yield host
    host.clean()


on_every_engine = pytest.mark.parametrize(
    "host", ["docker", pytest.param("podman", marks=pytest.mark.long)], indirect=True
)
"""For modules whose tests are about what an engine does. Podman is made ready for them first."""
