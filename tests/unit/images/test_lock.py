from pathlib import Path

import pytest

from kolla.catalogue.catalogue import Catalogue
from kolla.errors import InputError
from kolla.images.lock import collect_roots, header, read_constraints, relax, strip_sources
from kolla.images.requirements import parse

from .conftest import MakeCatalogue


def test_roots_come_from_every_service(catalogue: Catalogue) -> None:
    roots = collect_roots(catalogue, "2026.1")
    assert roots["keystone"] == "~=29.0"
    assert roots["uwsgi"] == ""
    assert "python-openstackclient" in roots


def test_specifiers_of_several_services_are_joined(make_catalogue: MakeCatalogue) -> None:
    releases = 'releases: {"2026.1": {Keystone: "!=29.0.1", pymysql: ""}}\n'
    roots = collect_roots(make_catalogue(f"  notes: {{}}\n{releases}"), "2026.1")
    assert roots["keystone"] == "~=29.0,!=29.0.1"
    assert roots["pymysql"] == ""


def test_an_unknown_release_names_those_that_are_known(catalogue: Catalogue) -> None:
    with pytest.raises(InputError, match=r"no service knows release 2026\.2") as caught:
        collect_roots(catalogue, "2026.2")
    assert "2026.1" in str(caught.value)


def test_constraints_give_way_only_to_roots_with_a_specifier() -> None:
    text = "# comment\n\nFlask===3.0.0\nPyMySQL===1.1.2  # why\nfoo===1;python_version=='3.13'\n"
    assert relax(text, {"flask": "==3.1", "pymysql": ""}) == [
        "PyMySQL==1.1.2",
        "foo==1;python_version=='3.13'",
    ]


def test_no_input_file_is_named_in_a_lock() -> None:
    resolved = (
        "a==1 \\\n    --hash=sha256:00\n    # via\n    #   -c constraints.txt\n    #   -r roots.in\n"
        "b==1 \\\n    --hash=sha256:00\n    # via\n    #   -c constraints.txt\n    #   a\n"
        "c==1 \\\n    --hash=sha256:00\n    # via -r roots.in\n"
    )
    text = strip_sources(resolved)
    assert "constraints.txt" not in text
    assert "roots.in" not in text
    assert {name: r.wanted_by for name, r in parse(text).items()} == {"a": (), "b": ("a",), "c": ()}


@pytest.mark.parametrize("base", ["debian-13", "debian-12"])
def test_kept_locks_say_how_they_are_made(base: str) -> None:
    path = Path(__file__).parents[3] / "kolla" / "images" / "locks" / f"2026.1-{base}.txt"
    assert path.read_text().startswith(header("2026.1", base))


def test_constraints_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    missing = tmp_path / "upper-constraints.txt"
    with pytest.raises(InputError, match=r"upper-constraints\.txt cannot be read"):
        read_constraints(str(missing))
    with pytest.raises(InputError, match="cannot be read"):
        read_constraints("http://127.0.0.1:9/upper-constraints.txt")
