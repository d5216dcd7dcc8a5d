from pathlib import Path

from kolla.images.build import build
from kolla.images.outdated import outdated
from kolla.settings import globals as settings

from .conftest import FakeEngine, MakeCatalogue

IMAGES = "  notes: {files: {notes: /usr/local/bin/notes}}\n  child: {parent: notes}\n"


def test_only_the_image_whose_own_inputs_changed_is_named(
    tmp_path: Path, make_catalogue: MakeCatalogue, engine: FakeEngine
) -> None:
    (tmp_path / "globals.yml").write_text("kolla_base_source: pull\n")
    catalogue = make_catalogue(IMAGES, {"notes": "1"})
    values = settings.load(tmp_path, catalogue)
    report = build(values, catalogue, ["child"], tmp_path)
    assert outdated(values, catalogue, report, tmp_path) == ()
    catalogue = make_catalogue(IMAGES, {"notes": "2"})
    assert outdated(values, catalogue, report, tmp_path) == ("notes",)
    report = build(values, catalogue, ["child"], tmp_path)
    assert outdated(values, catalogue, report, tmp_path) == ()


def test_where_nothing_was_built_nothing_is_compared(
    tmp_path: Path, make_catalogue: MakeCatalogue, engine: FakeEngine
) -> None:
    (tmp_path / "globals.yml").write_text("kolla_base_source: pull\n")
    catalogue = make_catalogue(IMAGES, {"notes": "1"})
    values = settings.load(tmp_path, catalogue)
    report = build(values, catalogue, ["child"], tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert outdated(values, make_catalogue(IMAGES, {"notes": "2"}), report, elsewhere) == ()
