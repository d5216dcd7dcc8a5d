from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from kolla.catalogue import loader
from kolla.errors import InputError
from kolla.images import repositories
from kolla.images.graph import Graph
from kolla.images.inputs import Inputs
from kolla.images.options import Options
from kolla.images.transport import secrets
from kolla.settings import globals as settings_file
from kolla.settings.globals import Globals

Settings = Callable[..., Globals]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with one repository."""
    key = tmp_path / "site.asc"
    key.write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----\n")

    def write(**words: Any) -> Globals:
        site = {"url": "https://me:s3cret@example.org/debian", "suites": ["site"], "key": str(key), **words}
        (tmp_path / "globals.yml").write_text(yaml.safe_dump({"image_repositories": {"site": site}}))
        return settings_file.load(tmp_path, loader.load())

    return write


def inputs(settings: Globals) -> Inputs:
    return Inputs.of(Graph.of(settings.catalogue).select(["nova-compute", "memcached"]), Options.of(settings))


def lines(found: Inputs, image: str) -> str:
    options = found.options
    run = secrets(options.transport, options.distribution)
    return found.with_repositories(image, run)["sources.list"].decode()


def test_a_repository_is_for_its_images_and_what_is_built_from_them(settings: Settings) -> None:
    found = inputs(settings(images=["nova"], components=["main", "extra"]))
    line = (
        "deb [signed-by=/mnt/build/repositories/site.asc] "
        "https://me:s3cret@example.org/debian site main extra\n"
    )
    assert lines(found, "nova").endswith(line)
    assert lines(found, "nova-compute").endswith(line)
    assert "example.org" not in lines(found, "memcached")
    assert "example.org" not in lines(found, "base")
    files = {file.path for file in found.context("nova-compute", None)}
    assert "build/repositories/site.asc" in files
    assert not any("repositories" in file.path for file in found.context("memcached", None))


def test_without_images_it_is_for_all(settings: Settings) -> None:
    assert "example.org" in lines(inputs(settings()), "memcached")


def test_its_address_is_an_input_but_not_its_password(settings: Settings) -> None:
    def dockerfile(url: str) -> str:
        found = inputs(settings(url=url))
        text = found.dockerfile("memcached", {"base": "base"}, None)
        assert "s3cret" not in text
        assert "example.org" not in text
        return text

    first = dockerfile("https://me:s3cret@example.org/debian")
    assert first == dockerfile("https://me:s3cret2@example.org/debian")
    assert first != dockerfile("https://me:s3cret@mirror.example.org/debian")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"images": ["nvoa"]}, "did you mean 'nova'"),
        ({"key": "/nowhere.asc"}, "/nowhere.asc cannot be read"),
        ({"suites": []}, "has no suites"),
        ({"suite": ["x"]}, "did you mean 'suites'"),
    ],
)
def test_a_repository_that_cannot_be_is_refused(
    settings: Settings, words: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        repositories.given(settings(**words))
    assert message in str(caught.value)
    assert "globals.yml:" in str(caught.value)
