"""Locking a small release for real."""

import re
from datetime import date
from pathlib import Path

import pytest

from kolla.errors import KollaError
from kolla.images.lock import Limits, resolve
from kolla.images.requirements import parse

from .conftest import Workshop

RELEASE = '{"0.test": {Flask: "==3.1.0", uWSGI: "==2.0.30", MarkupSafe: ""}}'


def locked(workshop: Workshop, constraints: str, directory: Path, day: date | None = None) -> str:
    workshop.describe(f"  locked: {{}}\nreleases: {RELEASE}\n")
    file = directory / "constraints.txt"
    file.write_text(constraints)
    given, catalogue = workshop.load(openstack_release="0.test")
    return resolve(given, catalogue, workshop.state, Limits(str(file), day))


def test_a_lock_is_the_same_twice_and_obeys_constraints(workshop: Workshop, tmp_path: Path) -> None:
    constraints = "MarkupSafe===3.0.2\nFlask===3.0.0  # pins a root that has a specifier\nclick===8.1.8\n"
    text = locked(workshop, constraints, tmp_path)
    assert text == locked(workshop, constraints, tmp_path)
    found = parse(text)
    assert {n: found[n].version for n in ("flask", "uwsgi", "markupsafe", "click")} == {
        "flask": "3.1.0",
        "uwsgi": "2.0.30",
        "markupsafe": "3.0.2",
        "click": "8.1.8",
    }
    assert all(requirement.hashes for requirement in found.values())
    assert "flask" in found["click"].wanted_by
    assert found["flask"].wanted_by == ()
    assert str(tmp_path) not in text


def test_what_cannot_be_satisfied_is_told_in_the_resolvers_words(workshop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(KollaError, match=r"release 0\.test cannot be locked") as caught:
        locked(workshop, "Werkzeug===0.1\n", tmp_path)
    assert "werkzeug" in str(caught.value).lower()


def test_a_date_chooses_among_what_the_index_had_then(workshop: Workshop, tmp_path: Path) -> None:
    found = parse(locked(workshop, "MarkupSafe===3.0.2\n", tmp_path, date(2025, 8, 1)))
    # Click 8.2.1 is of May 2025, 8.2.2 of the second of August.
    assert found["click"].version == "8.2.1"
    assert found["flask"].version == "3.1.0"


def test_a_file_that_is_not_the_locked_one_is_refused(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = '{"0.test": {MarkupSafe: "==3.0.2", uv: "", setuptools: "", wheel: ""}}'
    images = "  marked: {parent: openstack-base, python: [MarkupSafe]}\n"
    workshop.describe(f"{images}releases: {tools}\n")
    given, catalogue = workshop.load(openstack_release="0.test")
    text = resolve(given, catalogue, workshop.state, Limits(day=date(2026, 11, 1)))
    honest, hashes = parse(text)["markupsafe"], r"sha256:[0-9a-f]{64}"
    assert honest.hashes
    tampered = "".join(
        re.sub(hashes, f"sha256:{'0' * 64}", block) if block.startswith("markupsafe==") else block
        for block in re.split(r"(?m)^(?=[a-z0-9])", text)
    )
    lock = tmp_path / "0.test.txt"
    lock.write_text(tampered)
    monkeypatch.setattr("kolla.images.requirements.lock_path", lambda release, base: lock)
    report = workshop.build("marked", openstack_release="0.test")
    assert {report.images[name].status for name in ("wheelhouse", "marked")} == {"failed", "skipped"}
    log = report.images["wheelhouse"].log
    assert log is not None
    assert "DO NOT MATCH THE HASHES" in Path(log).read_text()
    lock.write_text(text)
    assert workshop.build("marked", openstack_release="0.test").images["marked"].status == "built"
