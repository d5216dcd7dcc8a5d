"""Leaving alone what is there: --skip-parents and --skip-existing, with a real engine."""

from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from kolla.build_report import BuildReport
from kolla.errors import InputError

from .conftest import NAMESPACE, Image, Workshop

IMAGES = """\
  trunk: {files: {say: /usr/local/bin/say}}
  branch: {parent: trunk, files: {shout: /usr/local/bin/shout}}
"""
Open = Callable[[BuildReport, str], Image]


def program(words: str) -> str:
    return f"#!/bin/sh\necho {words}\n"


@pytest.fixture
def built(workshop: Workshop) -> BuildReport:
    """Two images, the second from the first, whose programs say `one`; what they are to say next is `two`."""
    workshop.describe(IMAGES)
    for name in ("say", "shout"):
        workshop.file(name, program("one"))
    report = workshop.build("branch")
    for name in ("say", "shout"):
        workshop.file(name, program("two"))
    return report


def test_existing_images_are_taken_whatever_changed(
    built: BuildReport, workshop: Workshop, image: Open
) -> None:
    report = workshop.build("branch", skip_existing=True)
    assert {name: report.image(name).status for name in ("trunk", "branch")} == {
        "trunk": "unchanged",
        "branch": "unchanged",
    }
    assert image(report, "branch").run("say; shout") == "one\none\n"


def test_what_is_missing_is_built_on_what_exists(
    built: BuildReport, workshop: Workshop, image: Open, engine: docker.DockerClient
) -> None:
    engine.images.remove(f"{NAMESPACE}/branch:2026.1-debian-13", noprune=True)
    report = workshop.build("branch", skip_existing=True)
    assert report.image("trunk").id == built.image("trunk").id
    assert report.image("branch").status == "built"
    assert image(report, "branch").run("say; shout") == "one\ntwo\n"


def test_parents_are_left_as_they_are(built: BuildReport, workshop: Workshop, image: Open) -> None:
    report = workshop.build("branch", skip_parents=True)
    assert report.image("trunk").id == built.image("trunk").id
    assert image(report, "branch").run("say; shout") == "one\ntwo\n"
    after = workshop.build("branch")
    assert image(after, "branch").run("say; shout") == "two\ntwo\n", "without it nothing is forgotten"


def test_a_parent_that_does_not_exist_stops_before_anything_is_built(
    built: BuildReport, workshop: Workshop, engine: docker.DockerClient
) -> None:
    engine.images.remove(f"{NAMESPACE}/trunk:2026.1-debian-13", noprune=True)
    with pytest.raises(InputError, match="--skip-parents: these do not exist: trunk"):
        workshop.build("branch", skip_parents=True)
    assert workshop.events == []


def test_a_parent_from_elsewhere_will_do(
    built: BuildReport, workshop: Workshop, tmp_path: Path, image: Open, engine: docker.DockerClient
) -> None:
    """As after a pull, on a machine that never built anything."""
    elsewhere = f"{NAMESPACE}/elsewhere"
    other = Workshop(tmp_path, {**workshop.settings, "docker_namespace": elsewhere})
    other.describe(IMAGES)
    for name in ("say", "shout"):
        other.file(name, program("three"))
    engine.images.get(str(built.image("trunk").id)).tag(f"{elsewhere}/trunk", "2026.1-debian-13")
    report = other.build("branch", skip_parents=True)
    assert set(report.images) == {"trunk", "branch"}
    assert report.image("trunk").identity == str(built.image("trunk").id).removeprefix("sha256:")
    assert image(report, "branch").run("say; shout") == "one\nthree\n"
