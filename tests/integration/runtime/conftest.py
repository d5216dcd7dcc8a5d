"""An image with the runtime in it, and containers of it started as the deployer starts them."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml
from docker.models.containers import Container

from kolla.catalogue.privileges import START_CAPABILITIES

RUNTIME = Path(__file__).parents[3] / "kolla" / "runtime"
MIRROR = "http://deb.debian.org/debian"
PACKAGES = "ca-certificates,dumb-init,python3-minimal,python3-yaml"

DOCKERFILE = """
FROM {root}
RUN useradd --uid 4242 --no-create-home --home-dir /var/lib/app app && install -d -o app /var/lib/app
RUN echo '{user}' >/etc/kolla/image_user
COPY bin/ /usr/local/bin/
COPY lib/kolla_runtime/ /usr/local/lib/kolla_runtime/
ENTRYPOINT ["dumb-init", "--single-child", "--"]
CMD ["kolla_start"]
"""


@pytest.fixture(scope="session")
def root(
    engine: docker.DockerClient, machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A small Debian 13 with what the base image holds."""
    settings = yaml.safe_load(machine_globals.read_text()) if machine_globals else {}
    archive = tmp_path_factory.mktemp("root") / "root.tar"
    mirror = (settings or {}).get("debian_mirror", MIRROR)
    subprocess.run(
        [
            "mmdebstrap",
            "--quiet",
            "--variant=apt",
            f"--include={PACKAGES},passwd",
            '--customize-hook=mkdir "$1/etc/kolla"',
            "trixie",
            str(archive),
            mirror,
        ],
        check=True,
    )
    tag = uuid.uuid4().hex[:8]
    engine.api.import_image(src=str(archive), repository="kolla-runtime-root", tag=tag)
    yield f"kolla-runtime-root:{tag}"
    engine.images.remove(f"kolla-runtime-root:{tag}", force=True)


def build(engine: docker.DockerClient, root: str, user: str) -> str:
    """ID of an image whose process runs as `user`."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for name in ("bin", "lib/kolla_runtime"):
            archive.add(RUNTIME / name, name, filter=lambda e: None if "__pycache__" in e.name else e)
        text = DOCKERFILE.format(root=root, user=user).encode()
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    context.seek(0)
    image, _ = engine.images.build(fileobj=context, custom_context=True, rm=True)
    identity: str = image.id
    return identity


@pytest.fixture(scope="session")
def image(engine: docker.DockerClient, root: str) -> Iterator[str]:
    """An image whose process runs as the user `app`."""
    image = build(engine, root, "app")
    yield image
    engine.images.remove(image, force=True)


@pytest.fixture(scope="session")
def root_image(engine: docker.DockerClient, root: str) -> Iterator[str]:
    """An image whose process runs as root."""
    image = build(engine, root, "root")
    yield image
    engine.images.remove(image, force=True)


class Launcher:
    """Starts containers with the deployer's privileges, and removes them."""

    def __init__(self, engine: docker.DockerClient, image: str, folder: Path) -> None:
        self.engine = engine
        self.image = image
        self.folder = folder
        self.containers: list[Container] = []
        folder.mkdir()

    def write(self, name: str, text: str, mode: int = 0o600) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def configure(self, command: str, *config_files: dict[str, Any], **other: Any) -> None:
        """Write config.json; items give their source by name and belong to `app` unless they say more."""
        items = [
            {
                "owner": "app",
                "perm": "0600",
                **item,
                "source": f"/var/lib/kolla/config_files/{item['source']}",
            }
            for item in config_files
        ]
        self.write("config.json", json.dumps({"command": command, "config_files": items, **other}))

    def start(self, **options: Any) -> Container:
        """A running container; `options` are docker's."""
        arguments: dict[str, Any] = {
            "cap_drop": ["ALL"],
            "cap_add": list(START_CAPABILITIES),
            "security_opt": ["no-new-privileges"],
            "environment": {"KOLLA_CONFIG_STRATEGY": "COPY_ALWAYS"},
            "volumes": {str(self.folder): {"bind": "/var/lib/kolla/config_files", "mode": "ro"}},
            **options,
        }
        container = self.engine.containers.run(self.image, detach=True, **arguments)
        self.containers.append(container)
        return container

    def finish(self, **options: Any) -> tuple[int, str]:
        """Exit status and output of a container that ends by itself."""
        container = self.start(**options)
        status = container.wait(timeout=60)["StatusCode"]
        return status, container.logs().decode()


@pytest.fixture
def launcher(engine: docker.DockerClient, image: str, tmp_path: Path) -> Iterator[Launcher]:
    launcher = Launcher(engine, image, tmp_path / "config")
    yield launcher
    for container in launcher.containers:
        container.remove(force=True)


def execute(container: Container, *command: str) -> tuple[int, str]:
    """Exit status and output of a command run as root inside."""
    result = container.exec_run(list(command))
    return result.exit_code, result.output.decode()
