"""Images carried to a site without network, with a real engine."""

from pathlib import Path

import docker
import pytest

from kolla.build_report import BuildReport
from kolla.errors import InputError
from kolla.images import bundle
from kolla.images.build import build

from .conftest import Workshop

PAIR = "  cargo: {user: worker}\n  crate: {parent: cargo}\n"


@pytest.fixture(scope="module")
def built(workshop: Workshop) -> BuildReport:
    workshop.describe(PAIR)
    return workshop.build("crate")


@pytest.fixture(scope="module")
def bundled(workshop: Workshop, built: BuildReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "out.tar"
    settings, _ = workshop.load()
    bundle.write(settings, built, ["base", "cargo", "crate"], workshop.state, path)
    return path


def forget(engine: docker.DockerClient, report: BuildReport) -> None:
    """Remove the images of a report."""
    for name in ("crate", "cargo", "base"):
        for tag in engine.images.get(report.image(name).id).tags:
            engine.images.remove(tag, noprune=True)


def test_images_come_back_with_their_ids(
    workshop: Workshop, built: BuildReport, bundled: Path, engine: docker.DockerClient, tmp_path: Path
) -> None:
    settings, catalogue = workshop.load()
    forget(engine, built)
    loaded = bundle.load(settings, bundled, tmp_path)
    ids = {name: built.image(name).id for name in ("base", "cargo", "crate")}
    assert {name: image.id for name, image in loaded.images.items()} == ids
    assert {name: engine.images.get(loaded.image(name).reference).id for name in ids} == ids
    output = engine.containers.run(ids["crate"], ["-c", "id -u worker"], entrypoint="sh", remove=True)
    assert output == b"42998\n"

    again = build(settings, catalogue, ["crate"], tmp_path)
    assert {name: again.image(name).status for name in ids} == dict.fromkeys(ids, "unchanged")


def test_a_damaged_one_loads_nothing(
    workshop: Workshop, built: BuildReport, bundled: Path, engine: docker.DockerClient, tmp_path: Path
) -> None:
    settings, _ = workshop.load()
    damaged = tmp_path / "damaged.tar"
    content = bytearray(bundled.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    forget(engine, built)
    with pytest.raises(InputError, match="nothing was loaded"):
        bundle.load(settings, damaged, tmp_path)
    left = {image.id for image in engine.images.list(all=True)}
    assert not left & {built.image(name).id for name in ("base", "cargo", "crate")}
    bundle.load(settings, bundled, workshop.state)
