from collections.abc import Callable
from pathlib import Path

import pytest

from kolla.catalogue import loader
from kolla.catalogue.catalogue import Catalogue
from kolla.images.distribution import Distribution
from kolla.images.options import Options

MakeCatalogue = Callable[..., Catalogue]


@pytest.fixture
def make_catalogue(tmp_path: Path) -> MakeCatalogue:
    """The catalogue with one more service `notes`: its images as YAML, and files of its `image/` folder."""

    def make(images: str, files: dict[str, str] | None = None) -> Catalogue:
        folder = tmp_path / "services" / "notes"
        (folder / "image").mkdir(parents=True, exist_ok=True)
        users = "  notes: {uid: 42999, home: /var/lib/notes, groups: [kolla]}\n"
        text = f"name: notes\ntitle: Notes\nusers:\n{users}images:\n{images}"
        (folder / "service.yml").write_text(text)
        for name, content in (files or {}).items():
            (folder / "image" / name).write_text(content)
        return loader.load([tmp_path / "services"])

    return make


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return loader.load()


@pytest.fixture(params=["13", "12"])
def options(request: pytest.FixtureRequest) -> Options:
    return Options(release="2026.1", distribution=Distribution.named("debian", request.param))
