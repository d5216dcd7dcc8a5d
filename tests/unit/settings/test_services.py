"""The package's own services: what no check at run time looks at before it is used."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from kolla.catalogue import loader
from kolla.errors import Location
from kolla.settings import expressions

FOLDERS = sorted(path.parent for path in loader.SERVICES.glob("*/service.yml"))


def texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_expression_and_template_is_valid(folder: Path):
    definition = folder / "service.yml"
    for text in texts(yaml.safe_load(definition.read_text())):
        expressions.check(text, Location(definition))
    for template in folder.glob("config/*"):
        expressions.check(template.read_text(), Location(template))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_file_is_used(folder: Path):
    service = (folder / "service.yml").read_text()
    others = [
        other for path in FOLDERS for other in texts(yaml.safe_load((path / "service.yml").read_text()))
    ]
    for path in (*folder.glob("config/*"), *folder.glob("image/*")):
        if path.name.endswith(".Dockerfile.j2") or path.is_dir():
            continue
        name = path.name if path.parent.name == "image" else path.name.removesuffix(".j2")
        used = name in service or f"{folder.name}/{path.name}" in others
        assert used, f"{path} is in no service.yml"
