"""The same inputs give the same files, and a lock refuses another input."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kolla.build_report import BuildReport
from kolla.images.requirements import Lock

from .conftest import Entry, Image, Workshop

Open = Callable[[BuildReport, str], Image]


def differences(one: list[dict[str, Entry]], other: list[dict[str, Entry]]) -> list[str]:
    """Paths that are not the same in both, layer by layer."""
    assert len(one) == len(other)
    return [
        f"layer {number}: {path}: {a.get(path)} {b.get(path)}"
        for number, (a, b) in enumerate(zip(one, other, strict=True))
        for path in sorted(a.keys() | b.keys())
        if a.get(path) != b.get(path)
    ]


def test_two_builds_give_the_same_files(workshop: Workshop, image: Open, tmp_path: Path) -> None:
    """One from the bootstrap on, in a state directory of its own, nothing taken from the build cache."""
    names = ("base", "memcached")
    workshop.describe("  unused: {user: worker}\n")
    first = workshop.build(*names)
    alone = dataclasses.replace(workshop, directory=tmp_path, events=[])
    alone.describe("  unused: {user: worker}\n")
    again = alone.build(*names, refresh=True)
    assert {again.image(name).status for name in names} == {"built"}
    for name in names:
        assert differences(image(first, name).layers(), image(again, name).layers()) == []
        assert first.image(name).identity == again.image(name).identity
        assert first.image(name).id != again.image(name).id, "they were made one after the other"


def test_a_python_environment_is_the_same_twice(workshop: Workshop, image: Open) -> None:
    workshop.describe(
        "  library: {parent: openstack-base, packages: {debian: [bc]}, python: [oslo.config]}\n"
    )
    first = workshop.build("library")
    again = workshop.build("library", refresh=True)
    assert again.image("library").status == "built"
    assert differences(image(first, "library").layers(), image(again, "library").layers()) == []


@pytest.mark.long
def test_wheels_are_built_the_same_twice(
    workshop: Workshop, image: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are compiled, one whose source is a zip, and what these are built with."""
    compiled = ("libvirt-python", "uwsgi")
    names = (*compiled, "simplegeneric", "setuptools", "wheel", "uv")
    lock = Lock.load("2026.1", "debian-13").requirements
    cut = tmp_path / "cut.txt"
    cut.write_text("".join(f"{lock[name].hashed}\n" for name in names))
    monkeypatch.setattr("kolla.images.requirements.lock_path", lambda release, base: cut)
    workshop.describe("  library: {parent: openstack-base, python: [simplegeneric], user: worker}\n")
    workshop.build("builder")
    alone = workshop.another(tmp_path)
    alone.describe("  unused: {user: worker}\n")
    made = []
    for _ in range(2):
        report = alone.build("wheelhouse", refresh=True)
        log = report.image("wheelhouse").log
        assert log is not None
        told = Path(log).read_text().lower()
        assert all(f"building wheel for {name}" in told for name in compiled)
        found = image(report, "wheelhouse").run("cd /wheels && sha256sum *")
        made.append({line.split()[1]: line.split()[0] for line in found.splitlines()})
    assert len(made[0]) == len(names)
    assert made[0] == made[1]


def test_the_lock_refuses_another_archive_of_the_same_version(workshop: Workshop) -> None:
    workshop.describe("  locked: {packages: {debian: [jq]}}\n")
    workshop.build("locked")
    path = workshop.state / "packages-debian-13.json"
    kept = path.read_text()
    lock = json.loads(kept)
    name, _, digest = next(e for e in lock["images"]["locked"] if e.startswith("jq=")).partition(" ")
    lock["images"]["locked"] = [e.replace(digest, "0" * 64) for e in lock["images"]["locked"]]
    path.write_text(json.dumps(lock))
    assert workshop.build("locked").images["locked"].status == "failed"
    (failure,) = (e for e in workshop.events if e.subject == "locked" and e.status == "failed")
    assert f"no longer has {name}" in failure.message
    path.write_text(kept)


def test_the_release_lock_refuses_another_wheel(workshop: Workshop, tmp_path: Path) -> None:
    """What pip fetches is checked while the wheelhouse is built; here by a small one of our own."""
    workshop.describe("  refused: {parent: builder, dockerfile: refused.Dockerfile.j2}\n")
    workshop.file(
        "refused.Dockerfile.j2",
        """\
{% extends "image.Dockerfile.j2" %}
{% block after %}
RUN {{ mounts.build }} \\
    {{ mounts.python(distribution) }} \\
    cp -r /mnt/build /tmp/build; . /mnt/build/trust; python3 -m venv /tmp/tools; \\
    echo "six==1.17.0 --hash=sha256:"""
        + "0" * 64
        + """" >/tmp/requirements.txt; \\
    /tmp/tools/bin/pip download --require-hashes --no-deps --dest /tmp/wheels -r /tmp/requirements.txt
{% endblock %}
""",
    )
    report = workshop.build("refused")
    assert report.images["refused"].status == "failed"
    (failure,) = (e for e in workshop.events if e.subject == "refused" and e.status == "failed")
    assert any("DO NOT MATCH THE HASHES" in line for line in failure.log)
    assert not [e for e in workshop.events if "try 2" in e.message], "another try would end the same way"
