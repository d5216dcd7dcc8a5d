"""Building with a real engine: what is built, what is left alone, and what the images hold."""

import json
import re
import time
from collections.abc import Callable

import pytest

from kolla.build_report import BuildReport
from kolla.errors import InputError, KollaError
from kolla.images import space

from .conftest import Image, Workshop

IMAGES = """\
  workpiece:
    packages: {debian: [jq]}
    user: worker
    directories: {/var/lib/worker/pieces: "0750", /run/worker: "0755"}
    files: {work: /usr/local/bin/work}
    links: {/usr/local/bin/labour: /usr/local/bin/work}
  child: {parent: workpiece}
"""
Open = Callable[[BuildReport, str], Image]


@pytest.fixture(scope="module")
def first(workshop: Workshop) -> BuildReport:
    """The first build of our own service's images."""
    workshop.describe(IMAGES)
    workshop.file("work", "#!/bin/sh\necho one\n")
    return workshop.build("child")


def status(workshop: Workshop) -> dict[str, str]:
    return {e.subject: e.status for e in workshop.events if e.subject and e.status != "started"}


def test_the_report_says_what_was_built(first: BuildReport, workshop: Workshop) -> None:
    assert {n: i.status for n, i in first.images.items()} == dict.fromkeys(
        ["base", "workpiece", "child"], "built"
    )
    built = first.image("workpiece")
    assert built.reference == f"kolla-images-test/workpiece:2026.1-debian-13-{built.identity[:12]}"
    assert built.parent == "base"
    assert built.size is not None and 50e6 < built.size < 300e6
    assert BuildReport.load(workshop.state / "build.json") == first


def test_an_image_is_what_its_data_says(first: BuildReport, image: Open) -> None:
    seen = image(first, "workpiece")
    assert seen.run("id -u worker; id -g worker; id -nG worker").split() == [
        "42998",
        "42998",
        "worker",
        "kolla",
    ]
    assert (
        seen.run("getent passwd worker").strip() == "worker:x:42998:42998::/var/lib/worker:/usr/sbin/nologin"
    )
    assert seen.run("cat /etc/kolla/image_user") == "worker\n"
    listed = seen.run("stat -c '%a %U %n' /var/lib/worker /var/lib/worker/pieces /run/worker")
    assert listed == "755 worker /var/lib/worker\n750 worker /var/lib/worker/pieces\n755 worker /run/worker\n"
    assert seen.run("stat -c '%a %G' /var/log/kolla; stat -c %U /var/log/kolla/workpiece") == (
        "2775 kolla\nworker\n"
    )
    assert seen.run("labour; jq --version").startswith("one\njq-")


def test_an_image_starts_the_kolla_way(first: BuildReport, image: Open) -> None:
    config = image(first, "child").config
    assert config["Entrypoint"] == ["dumb-init", "--single-child", "--"]
    assert config["Cmd"] == ["kolla_start"]
    assert config["User"] in ("", None)
    environment = config["Env"]
    assert isinstance(environment, list)
    assert {"KOLLA_BASE_DISTRO=debian", "KOLLA_BASE_ARCH=x86_64", "LANG=C.UTF-8"} <= set(environment)


def test_nothing_of_the_build_is_left(first: BuildReport, image: Open) -> None:
    seen = image(first, "workpiece")
    assert seen.run("find /var/lib/apt/lists /var/cache/apt -type f ! -name lock") == ""
    assert seen.run("find /var/log /mnt /tmp /root/.cache -type f 2>/dev/null || true") == ""
    assert seen.run("ls -A /run") == "lock\nworker\n"
    assert seen.run("cat /etc/apt/sources.list 2>/dev/null; ls /etc/apt/sources.list.d") == "debian.sources\n"
    # No user tells the day of its build.
    assert seen.run("cut -d: -f3 /etc/shadow | sort -u") == "\n"
    assert seen.run("stat -c '%a %U %G' /etc/shadow") == "640 root shadow\n"
    assert seen.run("command -v gcc pip mmdebstrap || true") == ""


def test_packages_start_nothing(first: BuildReport, image: Open) -> None:
    assert image(first, "workpiece").run("policy-rc.d; echo $?") == "101\n"


def test_a_second_build_runs_nothing(first: BuildReport, workshop: Workshop) -> None:
    logs = {log: log.stat().st_mtime_ns for log in (workshop.state / "logs" / "build").iterdir()}
    began = time.monotonic()
    again = workshop.build("child")
    assert time.monotonic() - began < 2
    assert {name: i.status for name, i in again.images.items()} == dict.fromkeys(first.images, "unchanged")
    assert {name: i.id for name, i in again.images.items()} == {
        name: i.id for name, i in first.images.items()
    }
    assert logs == {log: log.stat().st_mtime_ns for log in (workshop.state / "logs" / "build").iterdir()}


def test_an_edit_that_keeps_the_length_is_seen(first: BuildReport, workshop: Workshop, image: Open) -> None:
    """BuildKit with normalised times shipped the old file; see DESIGN 4.9."""
    workshop.file("work", "#!/bin/sh\necho two\n")
    report = workshop.build("child")
    assert status(workshop) == {"base": "skipped", "workpiece": "done", "child": "done"}
    assert image(report, "child").run("work") == "two\n"
    workshop.file("work", "#!/bin/sh\necho one\n")
    assert image(workshop.build("child"), "child").run("work") == "one\n"


def test_a_removed_image_is_built_again(first: BuildReport, workshop: Workshop, image: Open) -> None:
    report = workshop.build("child")
    client = image(report, "child").client
    client.images.remove(report.image("child").id, force=True, noprune=True)
    assert workshop.build("child").image("child").status == "built"
    assert status(workshop)["workpiece"] == "skipped"


def test_packages_are_locked_until_refreshed(first: BuildReport, workshop: Workshop) -> None:
    path = workshop.state / "packages-debian-13.json"
    workshop.build("child")
    kept = json.loads(path.read_text())
    assert any(entry.startswith("jq=") for entry in kept["images"]["workpiece"])
    moved = json.loads(path.read_text().replace('"jq=', '"jq=0.'))
    path.write_text(json.dumps(moved))

    report = workshop.build("child")
    (failure,) = (
        event for event in workshop.events if event.subject == "workpiece" and event.status == "failed"
    )
    assert "no longer has jq=0." in failure.message
    assert "kolla build --refresh '^workpiece$'" in failure.message
    assert report.images["child"].status == "skipped"
    assert json.loads(path.read_text()) == moved

    report = workshop.build("workpiece", refresh=True)
    assert report.image("workpiece").status == "built"
    assert json.loads(path.read_text()) == kept


def test_one_failure_stops_only_its_children(workshop: Workshop) -> None:
    workshop.describe(
        "  broken: {dockerfile: broken.Dockerfile.j2}\n  orphan: {parent: broken}\n  sound: {user: worker}\n"
    )
    workshop.file("broken.Dockerfile.j2", "FROM {{ parent }}\nRUN echo the reason; exit 7\n")
    report = workshop.build("orphan", "sound")
    assert {n: report.images[n].status for n in ("base", "broken", "orphan", "sound")} == {
        "base": "unchanged",
        "broken": "failed",
        "orphan": "skipped",
        "sound": "built",
    }
    (failure,) = (event for event in workshop.events if event.status == "failed" and event.subject)
    assert failure.log[-1] == "the reason"
    assert str(workshop.state / "logs" / "build" / "broken.log") in failure.message
    assert workshop.events[-1].status == "failed"
    with pytest.raises(InputError, match="'broken' has not been built"):
        report.image("broken")


def test_a_build_that_hangs_is_ended(workshop: Workshop) -> None:
    workshop.describe("  slow: {dockerfile: slow.Dockerfile.j2}\n")
    workshop.file("slow.Dockerfile.j2", "FROM {{ parent }}\nRUN sleep 300\n")
    assert workshop.build("slow", image_build_timeout=5).images["slow"].status == "failed"
    assert any("longer than 5 s" in event.message for event in workshop.events)


def test_no_space_is_said_before_anything_is_run(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.describe("  wide: {user: worker}\n")
    monkeypatch.setattr(space, "FREE_SPACE", 10**18)
    report = workshop.build("wide")
    assert report.images["wide"].status == "failed"
    assert any("no space to build images" in event.message for event in workshop.events)


def test_two_builds_at_once_do_not_mix(workshop: Workshop) -> None:
    import fcntl

    workshop.describe("  wide: {user: worker}\n")
    with (workshop.state / "build.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(KollaError, match="another build works in"):
            workshop.build("wide")


def test_labels_say_what_an_image_is(workshop: Workshop, image: Open) -> None:
    workshop.describe(
        "  wide: {user: worker, software: {source: 'https://example.org/wide', license: MIT}}\n"
    )
    strange = 'a "quote", a $HOME and a \\ '
    report = workshop.build("wide", image_labels={"org.example.note": strange})
    labels = image(report, "wide").config["Labels"]
    assert isinstance(labels, dict)
    prefix = "org.opencontainers.image."
    assert labels["org.example.note"] == strange
    assert labels[f"{prefix}source"] == "https://example.org/wide"
    assert labels[f"{prefix}licenses"] == "MIT"
    assert labels[f"{prefix}base.name"] == report.base
    assert re.fullmatch("sha256:[0-9a-f]{64}", labels[f"{prefix}base.digest"])
    assert re.fullmatch("[0-9a-f]{64}", labels[f"{prefix}revision"])
    assert f"{prefix}created" not in labels
