"""A cloud of one service: what `kolla service new` wrote, built and deployed on this machine."""

import contextlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml
from docker.errors import ImageNotFound

from kolla.api import Cloud
from kolla.catalogue.loader import load
from kolla.settings.keys import enable_key


@dataclass
class Tiny:
    """Where it is described."""

    name: str
    directory: Path
    settings: dict[str, Any]

    @property
    def service_path(self) -> Path:
        return self.directory / self.name

    def set(self, **settings: Any) -> None:
        """Change globals.yml."""
        self.settings |= settings
        (self.directory / "globals.yml").write_text(yaml.safe_dump(self.settings))

    @property
    def cloud(self) -> Cloud:
        """It as it is described now."""
        return Cloud(self.directory, service_paths=[self.service_path])


@pytest.fixture(scope="module")
def tiny(
    tmp_path_factory: pytest.TempPathFactory,
    machine_globals: Path | None,
    engine: docker.DockerClient,
    give_base: Callable[[Path], None],
) -> Iterator[Tiny]:
    directory = tmp_path_factory.mktemp("tiny")
    name = f"birds-{uuid.uuid4().hex[:6]}"
    machine = yaml.safe_load(machine_globals.read_text()) if machine_globals else {}
    switches = {
        enable_key(folder.name): False
        for folder in load().folders.values()
        if folder.service.enabled is not None
    }
    tiny = Tiny(name, directory, {**(machine or {}), **switches})
    tiny.set(
        cloud_name=name,
        docker_namespace=name,
        volume_names={"kolla_logs": f"{name}_logs"},  # another cloud may be on this machine
        node_config=str(directory / "node"),
        network_interface="lo",
        kolla_internal_vip_address="127.0.0.1",
    )
    Cloud(directory).new_service(name, directory)
    cloud = tiny.cloud
    cloud.genpwd()
    give_base(cloud.configuration.places.directory)
    try:
        yield tiny
    finally:
        cloud.destroy(volumes=True)
        cloud.configuration.places.remove()
        for image in engine.images.list():
            for tag in image.tags:
                if f"{name}/" in tag:
                    with contextlib.suppress(ImageNotFound):
                        engine.images.remove(tag, noprune=True)
