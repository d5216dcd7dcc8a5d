from pathlib import Path

import pytest

from kolla.build_report import BuildReport
from kolla.images.build import build
from kolla.images.outdated import outdated
from kolla.settings import globals as settings

from .conftest import FakeEngine, MakeCatalogue

IMAGES = "  notes: {files: {notes: /usr/local/bin/notes}}\n  child: {parent: notes}\n"


class Workshop:
    """Images of the service `notes`, whose program can be edited; built on a pulled base."""

    def __init__(self, directory: Path, make_catalogue: MakeCatalogue) -> None:
        self.directory = directory
        self._make_catalogue = make_catalogue
        (directory / "globals.yml").write_text("kolla_base_source: pull\n")
        self.edit("1")

    def edit(self, program: str) -> None:
        self.catalogue = self._make_catalogue(IMAGES, {"notes": program})
        self.settings = settings.load(self.directory, self.catalogue)

    def build(self) -> BuildReport:
        return build(self.settings, self.catalogue, ["child"], self.directory)

    def outdated(self, report: BuildReport, state_directory: Path | None = None) -> tuple[str, ...]:
        return outdated(self.settings, self.catalogue, report, state_directory or self.directory)


@pytest.fixture
def workshop(tmp_path: Path, make_catalogue: MakeCatalogue, engine: FakeEngine) -> Workshop:
    return Workshop(tmp_path, make_catalogue)


def test_only_the_image_whose_own_inputs_changed_is_named(workshop: Workshop) -> None:
    report = workshop.build()
    assert workshop.outdated(report) == ()
    workshop.edit("2")
    assert workshop.outdated(report) == ("notes",)
    assert workshop.outdated(workshop.build()) == ()


def test_where_nothing_was_built_nothing_is_compared(workshop: Workshop, tmp_path: Path) -> None:
    report = workshop.build()
    workshop.edit("2")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert workshop.outdated(report, elsewhere) == ()
