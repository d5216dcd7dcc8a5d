"""Locking a small release for real."""

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
    found = parse(locked(workshop, "MarkupSafe===3.0.2\n", tmp_path, date(2025, 1, 31)))
    # Click 8.1.8 is of December 2024, 8.2 of May 2025.
    assert found["click"].version == "8.1.8"
    assert found["flask"].version == "3.1.0"
