"""Images on a distribution of RPM packages: bootstrapped with dnf, installed with dnf, by lock.

The distribution is `rocky-10` with its repositories' mirrors on this machine; rpms.py makes what is there.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from kolla.api import Cloud
from kolla.build_report import BuildReport

from . import rpms
from .conftest import Image, Workshop

Open = Callable[[BuildReport, str], Image]
IMAGES = """\
  workpiece:
    packages: {rhel: [hello]}
    unpacked: {rocky: [alone]}
    user: worker
    directories: {/var/lib/worker/pieces: "0750"}
    files: {work: /usr/local/bin/work}
"""
MIRRORS = ("rocky", "epel", "centos", "rabbitmq")


def offer(made: rpms.Distribution, version: str) -> None:
    """A program that needs another one, in one version."""
    made.package("greet", version, {"/usr/bin/greet": f"#!/bin/sh\necho greetings {version}\n"})
    made.package("hello", version, {"/usr/bin/hello": "#!/bin/sh\ngreet\n"}, "Requires: greet")


@pytest.fixture(scope="module")
def userland(
    workshop: Workshop, engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The files of an image of ours on Debian that has dnf."""
    workshop.describe("  workpiece: {packages: {debian: [dnf, dnf-plugins-core, rpm]}}\n")
    image = workshop.build("workpiece").image("workpiece").id
    return Image(engine, str(image)).unpack(tmp_path_factory.mktemp("userland") / "root")


@pytest.fixture(scope="module")
def made(userland: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[rpms.Distribution]:
    """The distribution, with the first version of the program."""
    rpms.require_programs()
    distribution = rpms.Distribution(tmp_path_factory.mktemp("rpms"))
    distribution.make_key()
    distribution.userland(userland)
    for name in ("ca-certificates", "dumb-init", "python3", "python3-pyyaml"):
        distribution.package(name, "1", {f"/usr/share/doc/{name}/is-in-userland": ""})
    program = {"/usr/bin/alone": "#!/bin/sh\necho alone\n", "/etc/alone": ""}
    distribution.package("alone", "1", program, "Requires: nothing-there-is", "%post", "exit 1")
    offer(distribution, "1.0")
    distribution.index()
    yield distribution
    distribution.forget_key()


@pytest.fixture(scope="module")
def rocky(made: rpms.Distribution, engine: docker.DockerClient) -> Iterator[dict[str, object]]:
    """The settings that make the distribution Rocky Linux."""
    with rpms.served(made.repositories, engine) as address:
        mirrors = {f"{name}_mirror": f"{address}/{name}" for name in MIRRORS}
        yield {"kolla_base_distro": "rocky", **mirrors}


@pytest.fixture(scope="module")
def first(workshop: Workshop, rocky: dict[str, object]) -> BuildReport:
    """The first build on it."""
    workshop.describe(IMAGES)
    workshop.file("work", "#!/bin/sh\necho one\n")
    return workshop.build("workpiece", **rocky)


def failure(workshop: Workshop) -> str:
    (message,) = (e.message for e in workshop.events if e.status == "failed" and e.subject == "workpiece")
    return message


def test_the_base_is_bootstrapped_with_dnf(first: BuildReport, workshop: Workshop, image: Open) -> None:
    assert {n: i.status for n, i in first.images.items()} == {"base": "built", "workpiece": "built"}
    assert first.base == "rocky-10"
    recorded = json.loads((workshop.state / "base-rocky-10.json").read_text())
    assert recorded["packages"] == ["userland=10-1.x86_64"]
    seen = image(first, "base")
    assert seen.run("rpm -q userland dumb-init") == "userland-10-1.x86_64\ndumb-init-1-1.noarch\n"
    assert seen.run("command -v apt-get dpkg || true") == ""
    environment = seen.config["Env"]
    assert isinstance(environment, list)
    assert "KOLLA_BASE_DISTRO=rocky" in environment


def test_an_image_is_what_its_data_says(first: BuildReport, image: Open) -> None:
    seen = image(first, "workpiece")
    assert seen.run("hello; alone; work") == "greetings 1.0\nalone\none\n"
    assert seen.run("ls /etc | grep alone || true") == ""
    assert (
        seen.run("getent passwd worker").strip() == "worker:x:42998:42998::/var/lib/worker:/usr/sbin/nologin"
    )
    assert seen.run("stat -c '%a %U' /var/lib/worker/pieces") == "750 worker\n"


def test_what_was_added_is_listed_with_versions_and_digests(
    first: BuildReport, workshop: Workshop, image: Open
) -> None:
    listed = image(first, "workpiece").run("cat /usr/local/share/kolla/packages/workpiece").splitlines()
    assert [line.split()[0] for line in listed] == [
        "alone=1-1.noarch",
        "greet=1.0-1.noarch",
        "hello=1.0-1.noarch",
    ]
    assert all(len(line.split()[1]) == 64 for line in listed)
    lock = json.loads((workshop.state / "packages-rocky-10.json").read_text())
    assert lock["images"]["workpiece"] == listed


def test_nothing_of_the_build_is_left(first: BuildReport, rocky: dict[str, object], image: Open) -> None:
    seen = image(first, "workpiece")
    assert seen.run("find /var/cache/dnf /var/log /mnt /tmp /var/lib/dnf -type f 2>/dev/null || true") == ""
    address = str(rocky["rocky_mirror"]).removeprefix("http://").partition("/")[0]
    assert address.encode() not in seen.all_text()


def test_packages_and_what_they_need_stay_locked_until_refreshed(
    first: BuildReport, workshop: Workshop, made: rpms.Distribution, rocky: dict[str, object], image: Open
) -> None:
    offer(made, "2.0")
    made.index()
    workshop.describe(IMAGES.replace('"0750"', '"0700"'))
    assert image(workshop.build("workpiece", **rocky), "workpiece").run("hello") == "greetings 1.0\n"

    made.withdraw("greet", "1.0")
    made.index()
    workshop.describe(IMAGES.replace('"0750"', '"0711"'))
    workshop.build("workpiece", **rocky)
    assert "no longer has greet=1.0-1.noarch" in failure(workshop)
    assert "kolla build --refresh '^workpiece$'" in failure(workshop)

    report = workshop.build("workpiece", refresh=True, **rocky)
    assert image(report, "workpiece").run("hello") == "greetings 2.0\n"


def test_a_package_that_is_not_signed_is_refused(
    first: BuildReport, workshop: Workshop, made: rpms.Distribution, rocky: dict[str, object]
) -> None:
    made.package("forged", "1", {"/usr/bin/forged": "#!/bin/sh\n"}, signed=False)
    made.index()
    workshop.describe("  workpiece: {packages: {rhel: [forged]}}\n")
    report = workshop.build("workpiece", **rocky)
    assert report.images["workpiece"].status == "failed"
    log = (workshop.state / "logs" / "build" / "workpiece.log").read_text()
    assert "forged" in log
    assert "not signed" in log


def test_names_are_looked_up_in_its_repositories(
    first: BuildReport, workshop: Workshop, rocky: dict[str, object]
) -> None:
    workshop.describe("  workpiece: {packages: {rhel: [helo, gawk]}}\n")
    workshop.load(**rocky)
    cloud = Cloud(workshop.directory / "etc", service_paths=[workshop.directory / "services"])
    (bad,) = (finding for finding in cloud.check_packages(["^workpiece$"]).findings if not finding["ok"])
    assert (bad["host"], bad["subject"], bad["hint"]) == ("rocky-10", "helo", "did you mean 'hello'?")
