"""Databases in the real image, on volumes of their own, without a cloud around them."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml
from docker.errors import ContainerError, ImageNotFound
from docker.models.containers import Container

from kolla.catalogue import loader
from kolla.images.build import build
from kolla.images.overrides import customised
from kolla.settings import globals as settings

NAMESPACE = "kolla-database-test"
SCRIPTS = "/usr/local/lib/kolla_mariadb"
CONFIGURATION = """\
[client-server]
socket = /run/mysqld/mysqld.sock
[mariadbd]
bind-address = 127.0.0.1
datadir = /var/lib/mysql
innodb_buffer_pool_size = 64M
"""

Images = Callable[[str], str]


@pytest.fixture(scope="session")
def images(
    engine: docker.DockerClient,
    machine_globals: Path | None,
    tmp_path_factory: pytest.TempPathFactory,
    give_base: Callable[[Path], None],
) -> Iterator[Images]:
    """Version of Debian -> ID of the database's image for it, built when first asked for."""
    machine = yaml.safe_load(machine_globals.read_text()) if machine_globals else {}
    known: dict[str, str] = {}

    def image(version: str) -> str:
        if version not in known:
            config = tmp_path_factory.mktemp(f"debian-{version}")
            chosen = {"docker_namespace": NAMESPACE, "kolla_base_distro_version": version}
            give_base(config / "state")
            (config / "globals.yml").write_text(yaml.safe_dump({**(machine or {}), **chosen}))
            given = settings.load(config, loader.load())
            found = build(given, customised(given), ("mariadb",), config / "state").image("mariadb").id
            assert found is not None
            known[version] = found
        return known[version]

    yield image
    for built in engine.images.list():
        for tag in built.tags:
            if f"{NAMESPACE}/" in tag:
                with contextlib.suppress(ImageNotFound):
                    engine.images.remove(tag, noprune=True)


class Failed(Exception):
    """A job that ended badly, with what it said."""


class Database:
    """Volumes of a database and of its backups, and whoever works on them, one image after another."""

    def __init__(self, engine: docker.DockerClient, directory: Path, image: str) -> None:
        self.engine = engine
        self.image = image
        self.directory = directory
        unique = uuid.uuid4().hex[:8]
        self.data, self.store = f"kolla-test-data-{unique}", f"kolla-test-backup-{unique}"
        self.server: Container | None = None
        directory.chmod(0o755)
        self.write("my.cnf", CONFIGURATION)
        self.write("bootstrap.json", json.dumps({"root_password": "root's", "monitor_password": "m"}))
        self.kept(3)
        self.own("/var/lib/mysql", "/var/lib/mariadb-backup")

    def write(self, name: str, text: str) -> None:
        (self.directory / name).write_text(text)
        (self.directory / name).chmod(0o644)

    def kept(self, number: int) -> None:
        """How many backups stay."""
        self.write("backup.json", json.dumps({"root_password": "root's", "kept": number}))

    def own(self, *paths: str) -> None:
        """Let the server's user own what a new volume has."""
        self.shell(f"chown mysql {' '.join(paths)}")

    def options(self, **more: Any) -> dict[str, Any]:
        binds = {
            self.data: {"bind": "/var/lib/mysql"},
            self.store: {"bind": "/var/lib/mariadb-backup"},
            str(self.directory): {"bind": "/etc/kolla", "mode": "ro"},
            str(self.directory / "my.cnf"): {"bind": "/etc/mysql/my.cnf", "mode": "ro"},
        }
        return {"volumes": binds, "user": "mysql", "network_mode": "none", **more}

    def shell(self, command: str) -> str:
        """What a command prints that runs as root on the volumes."""
        output = self.engine.containers.run(
            self.image, ["-c", command], **self.options(entrypoint="sh", user="root", remove=True)
        )
        return str(output.decode())

    def start(self) -> None:
        """Make the database ready and start its server."""
        self.job("bootstrap")
        self.server = self.engine.containers.run(
            self.image, [], detach=True, **self.options(entrypoint="mariadbd")
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(Failed):
                self.sql("SELECT 1")
                return
            time.sleep(0.2)
        pytest.fail(self.server.logs().decode())

    def stop(self) -> None:
        assert self.server is not None
        self.server.stop(timeout=30)
        self.server.remove(v=True)
        self.server = None

    def sql(self, statements: str) -> list[str]:
        """What the running server answers, line by line."""
        assert self.server is not None
        command = ["mariadb", "-uroot", "--password=root's", "-h127.0.0.1", "-BN", "-e", statements]
        result = self.server.exec_run(command)
        if result.exit_code:
            raise Failed(result.output.decode())
        return str(result.output.decode()).splitlines()

    def takeover(self) -> dict[str, Any]:
        """What the present image says of having the data."""
        return self.job("takeover", words=("127.0.0.1", "3306"))

    def job(self, name: str, argument: str = "", words: Sequence[str] = ()) -> dict[str, Any]:
        """What a job prints at its end; Failed with what it says when it fails."""
        network = f"container:{self.server.id}" if self.server else "none"
        try:
            output = self.engine.containers.run(
                self.image,
                [f"{SCRIPTS}/{name}", *words],
                **self.options(
                    entrypoint="python3",
                    network_mode=network,
                    environment={"KOLLA_ARGUMENT": argument},
                    remove=True,
                    stdout=True,
                ),
            )
        except ContainerError as error:
            raise Failed((error.stderr or b"").decode()) from None
        document: dict[str, Any] = json.loads(output.decode().splitlines()[-1])
        return document

    def forget(self) -> None:
        """Replace the database by an empty volume."""
        self.engine.volumes.get(self.data).remove()
        self.own("/var/lib/mysql")

    def remove(self) -> None:
        if self.server is not None:
            self.server.remove(force=True, v=True)
        for volume in (self.data, self.store):
            self.engine.volumes.get(volume).remove(force=True)


@pytest.fixture
def database(
    engine: docker.DockerClient, images: Images, tmp_path: Path
) -> Iterator[Callable[[str], Database]]:
    """Makes databases by version of Debian."""
    made: list[Database] = []

    def make(version: str = "13") -> Database:
        made.append(Database(engine, tmp_path, images(version)))
        return made[-1]

    yield make
    for each in made:
        each.remove()
