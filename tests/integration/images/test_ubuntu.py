"""Images on Ubuntu: bootstrapped and installed with apt from an archive in its place; debs.py makes that."""

import json
from collections.abc import Callable, Iterator

import docker
import pytest

from kolla.api import Cloud
from kolla.build_report import BuildReport

from . import debs
from .conftest import Image, Workshop

Open = Callable[[BuildReport, str], Image]
IMAGES = """\
  workpiece:
    packages: {debian: [not-in-ubuntu], ubuntu: [-not-in-ubuntu, hello]}
    unpacked: {ubuntu-24.04: [alone]}
    user: worker
    directories: {/var/lib/worker/pieces: "0750"}
"""


def offer(made: debs.Archive, version: str) -> None:
    """A program that needs another one, in one version."""
    greet = f"#!/bin/sh\necho greetings {version}\n".encode()
    made.package("greet", version, {"/usr/bin/greet": greet})
    made.package("hello", version, {"/usr/bin/hello": b"#!/bin/sh\ngreet\n"}, "Depends: greet")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[debs.Archive]:
    """The archive, with the first version of the program."""
    archive = debs.Archive(tmp_path_factory.mktemp("debs"))
    archive.begin()
    program = {"/usr/bin/alone": b"#!/bin/sh\necho alone\n", "/etc/alone": b""}
    archive.package("alone", "1", program, "Depends: nothing-there-is")
    offer(archive, "1.0")
    archive.publish()
    yield archive
    archive.end()


@pytest.fixture(scope="module")
def ubuntu(made: debs.Archive, engine: docker.DockerClient) -> Iterator[dict[str, object]]:
    """The settings that make the distribution Ubuntu."""
    with debs.trusted(made), debs.served(made, engine) as address:
        yield {
            "kolla_base_distro": "ubuntu",
            "ubuntu_mirror": f"{address}/ubuntu",
            "ubuntu_security_mirror": f"{address}/ubuntu-security",
        }


@pytest.fixture(scope="module")
def first(workshop: Workshop, ubuntu: dict[str, object]) -> BuildReport:
    """The first build on it."""
    workshop.describe(IMAGES)
    return workshop.build("workpiece", **ubuntu)


def failure(workshop: Workshop) -> str:
    (message,) = (e.message for e in workshop.events if e.status == "failed" and e.subject == "workpiece")
    return message


def test_the_base_is_bootstrapped_from_its_archive(
    first: BuildReport, workshop: Workshop, image: Open
) -> None:
    assert {n: i.status for n, i in first.images.items()} == {"base": "built", "workpiece": "built"}
    assert first.base == "ubuntu-24.04"
    recorded = json.loads((workshop.state / "base-ubuntu-24.04.json").read_text())
    assert "ubuntu-keyring=1" in recorded["packages"]
    seen = image(first, "base")
    environment = seen.config["Env"]
    assert isinstance(environment, list)
    assert "KOLLA_BASE_DISTRO=ubuntu" in environment


def test_an_image_names_ubuntus_own_servers_and_no_other(
    first: BuildReport, ubuntu: dict[str, object], image: Open
) -> None:
    seen = image(first, "workpiece")
    assert (
        seen.run("ls /etc/apt/sources.list.d; ls /etc/apt/sources.list 2>/dev/null || true")
        == "ubuntu.sources\n"
    )
    said = seen.run("cat /etc/apt/sources.list.d/ubuntu.sources")
    assert (
        "URIs: http://archive.ubuntu.com/ubuntu\nSuites: noble noble-updates\nComponents: main universe\n"
        in said
    )
    assert "URIs: http://security.ubuntu.com/ubuntu\nSuites: noble-security\n" in said
    assert f"Signed-By: {debs.KEYRING}\n" in said
    address = str(ubuntu["ubuntu_mirror"]).removeprefix("http://").partition("/")[0]
    assert address.encode() not in seen.all_text()


def test_an_image_is_what_its_data_says(first: BuildReport, workshop: Workshop, image: Open) -> None:
    seen = image(first, "workpiece")
    assert seen.run("hello; alone") == "greetings 1.0\nalone\n"
    assert seen.run("ls /etc | grep alone || true") == ""
    assert seen.run("stat -c '%a %U' /var/lib/worker/pieces") == "750 worker\n"
    lock = json.loads((workshop.state / "packages-ubuntu-24.04.json").read_text())
    assert [line.split()[0] for line in lock["images"]["workpiece"]] == ["alone=1", "greet=1.0", "hello=1.0"]


def test_packages_stay_locked_until_refreshed(
    first: BuildReport, workshop: Workshop, made: debs.Archive, ubuntu: dict[str, object], image: Open
) -> None:
    offer(made, "2.0")
    made.publish()
    workshop.describe(IMAGES.replace('"0750"', '"0700"'))
    assert image(workshop.build("workpiece", **ubuntu), "workpiece").run("hello") == "greetings 1.0\n"

    made.withdraw("greet", "1.0")
    made.publish()
    workshop.describe(IMAGES.replace('"0750"', '"0711"'))
    workshop.build("workpiece", **ubuntu)
    assert "no longer has greet=1.0" in failure(workshop)

    report = workshop.build("workpiece", refresh=True, **ubuntu)
    assert image(report, "workpiece").run("hello") == "greetings 2.0\n"


def test_an_archive_signed_by_somebody_else_is_refused(
    first: BuildReport, workshop: Workshop, made: debs.Archive, ubuntu: dict[str, object]
) -> None:
    made.publish(signer="stranger")
    try:
        workshop.describe(IMAGES)
        report = workshop.build("workpiece", refresh=True, **ubuntu)
    finally:
        made.publish()
    assert report.images["workpiece"].status == "failed"
    assert (
        "ubuntu noble InRelease' is not signed"
        in (workshop.state / "logs" / "build" / "workpiece.log").read_text()
    )


def test_names_are_looked_up_in_its_archive(
    first: BuildReport, workshop: Workshop, made: debs.Archive, ubuntu: dict[str, object]
) -> None:
    workshop.describe("  workpiece: {packages: {ubuntu: [helo, python3]}}\n")
    workshop.load(**ubuntu)
    cloud = Cloud(workshop.directory / "etc", service_paths=[workshop.directory / "services"])
    (bad,) = (finding for finding in cloud.check_packages(["^workpiece$"]).findings if not finding["ok"])
    assert (bad["host"], bad["subject"], bad["hint"]) == ("ubuntu-24.04", "helo", "did you mean 'hello'?")
