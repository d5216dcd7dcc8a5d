from pathlib import Path

import pytest

from kolla.build_report import BuildReport, BuiltImage, InputHashes
from kolla.catalogue.catalogue import Catalogue
from kolla.images.build import build
from kolla.images.forecast import Forecast, forecast
from kolla.images.outdated import outdated
from kolla.images.why import FIRST, GONE, REFRESHED, UNRECORDED, differences, why
from kolla.settings import globals as settings

from .conftest import FakeEngine, MakeCatalogue

THEN = InputHashes(
    dockerfile="aa",
    files={"build/clean": "0755 aa", "root/usr/local/bin/api": "0755 aa"},
    images={"base": "aa", "wheelhouse": "aa"},
    python={"keystone": "29.1.0", "uwsgi": "2.0"},
    packages="aa",
)


def changed(**parts: object) -> list[str]:
    return list(differences(THEN, THEN.model_copy(update=parts), "base"))


def test_what_is_the_same_differs_in_nothing() -> None:
    assert changed() == []


def test_each_part_has_its_words() -> None:
    assert changed(dockerfile="bb") == ["Dockerfile changed"]
    assert changed(packages="bb") == ["package lock changed"]
    assert changed(images={**THEN.images, "base": "bb"}) == ["parent base changed"]
    assert changed(images={**THEN.images, "wheelhouse": "bb"}) == ["image wheelhouse changed"]


def test_files_are_called_what_they_are_in_the_image() -> None:
    files = {"root/usr/local/bin/api": "0755 bb", "build/new": "0755 aa"}
    assert changed(files=files) == [
        "file build/clean removed",
        "file build/new added",
        "file /usr/local/bin/api changed",
    ]
    assert changed(files={**THEN.files, "rootfs.tar": "0644 bb"}) == ["base system added"]


def test_a_mode_is_a_change() -> None:
    assert changed(files={**THEN.files, "build/clean": "0700 aa"}) == ["file build/clean changed"]


def test_a_library_is_named_once() -> None:
    """Not also as the list it is in and the wheel that holds it."""
    parts = {
        "python": {"keystone": "29.1.1", "jinja2": "3.1"},
        "files": {**THEN.files, "build/requirements.txt": "0644 bb"},
        "images": {**THEN.images, "wheelhouse": "bb"},
    }
    assert changed(**parts) == ["jinja2 added", "keystone 29.1.0 -> 29.1.1", "uwsgi removed"]


def test_many_changes_are_counted() -> None:
    many = {f"library{number}": "1" for number in range(5)}
    assert changed(python={**THEN.python, **many}) == [
        "library0 added",
        "library1 added",
        "3 other Python distributions",
    ]


EARLIER = BuiltImage(name="api", status="built", identity="aa", id="sha256:aa", parent="base", inputs=THEN)


def test_there_may_be_no_reason() -> None:
    assert why(THEN, EARLIER, present=True) == ""


@pytest.mark.parametrize(
    ("earlier", "present", "refresh", "expected"),
    [
        (None, False, False, FIRST),
        (EARLIER.model_copy(update={"id": None}), False, False, FIRST),
        (EARLIER, True, True, REFRESHED),
        (EARLIER, False, False, GONE),
        (EARLIER.model_copy(update={"inputs": None}), True, False, UNRECORDED),
    ],
)
def test_reasons_that_are_not_in_the_inputs(
    earlier: BuiltImage | None, present: bool, refresh: bool, expected: str
) -> None:
    assert why(THEN, earlier, present=present, refresh=refresh) == expected


IMAGES = "  notes: {files: {notes: /usr/local/bin/notes}}\n  child: {parent: notes}\n"


class Workshop:
    """Images of the service `notes` on a pulled base: what was foretold, and then what was done."""

    def __init__(self, directory: Path, make_catalogue: MakeCatalogue) -> None:
        self._directory, self._make_catalogue = directory, make_catalogue
        (directory / "globals.yml").write_text("kolla_base_source: pull\n")

    def build(self, program: str, *, refresh: tuple[str, ...] = ()) -> dict[str, str]:
        """Image -> why it was built, or was not; fails unless that was the forecast."""
        catalogue: Catalogue = self._make_catalogue(IMAGES, {"notes": program})
        given = settings.load(self._directory, catalogue)
        names, fresh = refresh or ("child",), bool(refresh)
        foretold = forecast(given, catalogue, names, self._directory, refresh=fresh)
        self.report = report = build(given, catalogue, names, self._directory, refresh=fresh)
        images = {name: report.images[name] for name in ("base", "notes", "child") if name in report.images}
        asked = [image for name, image in images.items() if name in {f.name for f in foretold}]
        assert foretold == tuple(Forecast(i.name, i.status == "built", i.why) for i in asked)
        return {name: image.why for name, image in images.items()}


@pytest.fixture
def workshop(tmp_path: Path, make_catalogue: MakeCatalogue, engine: FakeEngine) -> Workshop:
    return Workshop(tmp_path, make_catalogue)


def test_the_report_says_why_and_the_forecast_said_so_before(workshop: Workshop, engine: FakeEngine) -> None:
    assert workshop.build("1") == dict.fromkeys(("base", "notes", "child"), "first build")
    assert workshop.build("1") == dict.fromkeys(("base", "notes", "child"), "unchanged")
    assert workshop.build("2") == {
        "base": "unchanged",
        "notes": "file /usr/local/bin/notes changed",
        "child": "parent notes changed",
    }
    del engine.tags[str(workshop.report.images["notes"].id)]
    assert workshop.build("2") == {
        "base": "unchanged",
        "notes": "the image is gone from the engine",
        "child": "unchanged",
    }
    assert workshop.build("2", refresh=("notes",)) == {
        "base": "unchanged",
        "notes": "packages refreshed",
        "child": "not asked for",
    }


def test_a_source_that_was_not_fetched_yet_is_a_difference(
    tmp_path: Path, make_catalogue: MakeCatalogue, engine: FakeEngine
) -> None:
    """Nothing is asked for a forecast, so nothing is known of it but that it is another one."""
    catalogue = make_catalogue("  notes: {parent: openstack-base, python: [Jinja2]}\n")
    (tmp_path / "state").mkdir()

    def load(sources: str) -> settings.Globals:
        (tmp_path / "globals.yml").write_text(f"kolla_base_source: pull\n{sources}")
        return settings.load(tmp_path, catalogue)

    build(load(""), catalogue, ["notes"], tmp_path / "state")
    given = load("image_sources: {jinja2: {type: git, location: 'https://nowhere.example/jinja'}}\n")
    found = {f.name: f for f in forecast(given, catalogue, ["notes"], tmp_path / "state")}
    assert (found["notes"].builds, found["base"].builds) == (True, False)
    assert "-> not fetched yet" in found["notes"].why
    report = BuildReport.load(tmp_path / "state" / "build.json")
    assert outdated(given, catalogue, report, tmp_path / "state") == ("notes",)
