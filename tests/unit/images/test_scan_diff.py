import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.build_report import BuildReport, BuiltImage
from kolla.errors import InputError
from kolla.images import sbom, scans
from kolla.images.contents import Contents
from kolla.images.options import Options
from kolla.images.scan_diff import Change, Installed, changes
from kolla.images.versions import Kind
from kolla.places import Places
from kolla.results import ScanDiff

from .conftest import FakeEngine

PACKAGES = st.dictionaries(
    st.tuples(st.sampled_from(["deb", "pypi"]), st.sampled_from("abc")),
    st.lists(st.sampled_from(["1.0", "1.1", "1.1~rc1", "2"]), min_size=1, max_size=3),
)


def test_every_kind_of_change() -> None:
    before: Installed = {
        ("deb", "libc6"): ["2.41-12"],
        ("deb", "old"): ["1"],
        ("deb", "same"): ["1.0"],
        ("pypi", "pyyaml"): ["6.0.1", "6.0.2"],
        ("pypi", "oslo-config"): ["9.10"],
        ("pypi", "same"): ["1.0"],
    }
    after: Installed = {
        ("deb", "libc6"): ["2.41-12+deb13u1"],
        ("deb", "same"): ["1.0"],
        ("pypi", "pyyaml"): ["6.0.2", "6.0.3"],
        ("pypi", "oslo-config"): ["9.9"],
        ("pypi", "new"): ["1"],
        ("pypi", "same"): ["1.0.0"],
    }
    assert changes(before, after) == (
        Change("downgraded", "pypi", "oslo-config", "9.10", "9.9"),
        Change("upgraded", "deb", "libc6", "2.41-12", "2.41-12+deb13u1"),
        Change("upgraded", "pypi", "pyyaml", "6.0.1", "6.0.3"),
        Change("added", "pypi", "new", "", "1"),
        Change("removed", "deb", "old", "1", ""),
    )


@given(before=PACKAGES, after=PACKAGES)
def test_the_way_back_is_the_opposite(before: Installed, after: Installed) -> None:
    opposite = {"upgraded": "downgraded", "downgraded": "upgraded", "added": "removed", "removed": "added"}
    there, back = changes(before, after), changes(after, before)
    assert {(c.what, c.name, c.before, c.after) for c in there} == {
        (opposite[c.what], c.name, c.after, c.before) for c in back
    }
    assert changes(before, before) == ()


def test_a_change_is_told_once_with_its_images_and_a_downgrade_first() -> None:
    libc = Change("upgraded", "deb", "libc6", "1", "2")
    down = Change("downgraded", "pypi", "amqp", "5.2", "5.1")
    diff = ScanDiff({"base": (libc,), "nova": (down, libc)}, removed=("gone",))
    assert diff.exit_code == 2
    assert diff.text().splitlines() == [
        "downgraded  pypi  amqp   5.2 -> 5.1  nova",
        "upgraded    deb   libc6  1 -> 2      base, nova",
        "image removed: gone",
        "1 downgraded, 1 upgraded",
    ]
    assert diff.to_json()["images"]["base"] == [
        {"what": "upgraded", "kind": "deb", "name": "libc6", "before": "1", "after": "2"}
    ]
    same = ScanDiff({"base": ()})
    assert (same.exit_code, same.text()) == (0, "The packages are the same.")


def image(name: str, version: str) -> Contents:
    status = f"Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: {version}\n"
    return Contents({"/var/lib/dpkg/status": status.encode()})


@pytest.fixture
def state(tmp_path: Path, engine: FakeEngine) -> Path:
    """A state directory where `web` was built twice and `db` once."""
    built = {}
    for number, (name, version) in enumerate([("web", "1"), ("web", "2"), ("db", "7")]):
        identity = str(number) * 64
        path = sbom.path_of(Places(tmp_path).bills, name, identity)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(sbom.document(name, identity, image(name, version))))
        os.utime(path, (number, number))
        bill = str(path.relative_to(tmp_path))
        built[name] = BuiltImage(name=name, status="built", identity=identity, id=f"sha256:{name}", sbom=bill)
    report = BuildReport(release="2026.1", base="debian-13", images=built)
    Places(tmp_path).build_report.write_text(report.model_dump_json())
    return tmp_path


def found(asked: str, options: Options, state: Path) -> dict[str, dict[tuple[Kind, str], Sequence[str]]]:
    return {name: dict(installed) for name, installed in scans.find(asked, options, state).items()}


def test_builds_are_found_by_whatever_names_them(state: Path, options: Options, engine: FakeEngine) -> None:
    web: dict[tuple[Kind, str], Sequence[str]] = {("deb", "web"): ["2"]}
    db: dict[tuple[Kind, str], Sequence[str]] = {("deb", "db"): ["7"]}
    for asked in ("current", str(state), str(state / "build.json")):
        assert found(asked, options, state) == {"web": web, "db": db}
    earlier = state / "sbom" / "web" / f"{'0' * 12}{sbom.SUFFIX}"
    assert found(str(earlier), options, state) == {"web": {("deb", "web"): ["1"]}}
    assert found("previous", options, state) == {"web": {("deb", "web"): ["1"]}, "db": db}
    reference = options.reference("web", "0" * 64)
    assert found(reference, options, state) == {"web": {("deb", "web"): ["1"]}}
    assert found(reference.rpartition(":")[2], options, state) == {"web": {("deb", "web"): ["1"]}}


def test_a_prefix_of_names_is_no_part_of_an_image(state: Path, options: Options, engine: FakeEngine) -> None:
    options = replace(options, name_prefix="acme-", registry="r.example:5000")
    web: dict[tuple[Kind, str], Sequence[str]] = {("deb", "web"): ["1"]}
    reference = options.reference("web", "0" * 64)
    assert reference.startswith("r.example:5000/kolla/acme-web:")
    assert found(reference, options, state) == {"web": web}
    assert found(reference.rpartition(":")[2], options, state) == {"web": web}
    engine.tags["sha256:other"] = {"example.org/acme-like:v1"}
    assert found("example.org/acme-like:v1", options, state) == {"acme-like": {}}


def test_an_image_without_a_bill_is_read(state: Path, options: Options, engine: FakeEngine) -> None:
    engine.tags["sha256:other"] = {"example.org/other:v1"}
    assert found("example.org/other:v1", options, state) == {"other": {}}


@pytest.mark.parametrize("asked", ["nightly", "kolla/web:nightly"])
def test_what_is_nothing_is_said(state: Path, options: Options, asked: str) -> None:
    with pytest.raises(InputError, match=f"there is no bill of materials for '{asked}'"):
        scans.find(asked, options, state)
