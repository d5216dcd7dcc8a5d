"""What goes wrong around a build: fetches that fail, interrupts, two at once."""

import dataclasses
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from kolla.build_report import BuildReport
from kolla.images import base
from kolla.images.engine import connect
from kolla.images.options import Options
from kolla.images.processes import Cancelled

from .conftest import NAMESPACE, PATIENCE, Image, Mirror, Workshop, until


def tries(workshop: Workshop, name: str) -> list[str]:
    return [e.message for e in workshop.events if e.subject == name and e.message.startswith("try ")]


def test_a_fetch_that_failed_is_tried_again(workshop: Workshop, mirror: Mirror) -> None:
    workshop.describe("  fetched: {packages: {debian: [sl]}}\n")
    workshop.build("base")
    mirror.busy[:] = ["InRelease"] * 8  # of two suites; apt asks again by itself, four times each at most
    report = workshop.build(
        "fetched", refresh=True, debian_mirror=f"http://{mirror.address}/debian", build_retries=5
    )
    assert report.images["fetched"].status == "built"
    assert tries(workshop, "fetched")[0].startswith("try 2, because a fetch failed")


def test_a_package_index_that_cannot_be_had_is_not_replaced_by_an_old_one(
    workshop: Workshop, mirror: Mirror
) -> None:
    workshop.describe("  fetched: {packages: {debian: [sl]}, links: {/index: /one}}\n")
    workshop.build("base")
    mirror.busy[:] = ["InRelease"] * 50
    report = workshop.build("fetched", debian_mirror=f"http://{mirror.address}/debian", build_retries=1)
    mirror.busy.clear()
    assert report.images["fetched"].status == "failed"
    assert len(tries(workshop, "fetched")) == 1
    (failure,) = (e for e in workshop.events if e.subject == "fetched" and e.status == "failed")
    assert "a fetch failed again and again" in failure.message


@dataclass
class Builder:
    """`kolla build` as a program of its own, on the workshop's settings and state, and where it keeps what is
    of no use later."""

    process: subprocess.Popen[str]
    temporary: Path


LONG = "kolla-test-marks-a-long-build"


def marked() -> list[int]:
    """Processes of the long build, in containers too: the engine is on this machine."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if LONG.encode() in command and b"sleep" in command:
                found.append(int(entry.name))
    return found


@pytest.fixture
def build_program(workshop: Workshop, tmp_path: Path) -> Iterator[Callable[[str], Builder]]:
    """Starts a build of one image; it is ended with the test."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    started: list[subprocess.Popen[str]] = []

    def start(name: str) -> Builder:
        workshop.load(cloud_name=workshop.state.name)
        program = f"""
from pathlib import Path
from kolla import places
places.state_root = lambda: Path({str(workshop.directory)!r})
from kolla.cli.main import main
main()
"""
        arguments = ["build", f"^{name}$", "--configdir", str(workshop.directory / "etc")]
        arguments += ["--service-path", str(workshop.directory / "services")]
        process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "TMPDIR": str(temporary)},
        )
        started.append(process)
        return Builder(process, temporary)

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_nothing_behind(
    workshop: Workshop,
    build_program: Callable[[str], Builder],
    number: signal.Signals,
    engine: docker.DockerClient,
) -> None:
    name = f"long-{number.name.lower()}"
    workshop.describe(f"  {name}: {{dockerfile: long.Dockerfile.j2}}\n")
    workshop.file("long.Dockerfile.j2", f"FROM {{{{ parent }}}}\nRUN sh -c 'sleep 1000; : {LONG}'\n")
    workshop.build("base")
    builder = build_program(name)
    until(marked)
    assert list(builder.temporary.iterdir()), "the build context"
    builder.process.send_signal(number)
    output, _ = builder.process.communicate(timeout=PATIENCE)
    assert builder.process.returncode == 130, output
    assert "Traceback" not in output
    until(lambda: not marked())
    assert list(builder.temporary.iterdir()) == []
    assert not [tag for image in engine.images.list() for tag in image.tags if f"{NAMESPACE}/{name}:" in tag]
    assert name not in BuildReport.load(workshop.state / "build.json").images

    workshop.file("long.Dockerfile.j2", "FROM {{ parent }}\n")
    assert workshop.build(name).images[name].status == "built"


def test_an_interrupted_bootstrap_leaves_nothing_behind(workshop: Workshop, tmp_path: Path) -> None:
    alone = dataclasses.replace(workshop, directory=tmp_path)
    alone.describe("  unused: {user: worker}\n")
    given, _ = alone.load()
    state = tmp_path / "state"
    state.mkdir()
    options = Options.of(given)
    engine = connect(options.engine)
    log = state / "base.log"
    mounted: list[str] = []

    def interrupt() -> None:
        until(lambda: log.exists() and "installing essential" in log.read_text())
        time.sleep(1)  # it has entered its chroot
        mounts = Path("/proc/mounts").read_text().splitlines()
        mounted.extend(line for line in mounts if str(tmp_path) in line)
        engine.cancel()

    threading.Thread(target=interrupt).start()
    with pytest.raises(Cancelled):
        base.make(options, state, engine, log, expected=None)
    assert mounted == []
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("base-")] == []
    assert not base.recorded(options, state)


def test_two_builds_at_once_on_one_engine_do_not_mix(
    workshop: Workshop, image: Callable[[BuildReport, str], Image], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Two state directories, images of the same names from files of the same length."""
    reports: dict[str, BuildReport] = {}

    def build(word: str) -> None:
        alone = workshop.another(tmp_path_factory.mktemp(word), docker_image_tag=word)
        alone.describe("  twin: {files: {say: /usr/local/bin/say}}\n  child: {parent: twin}\n")
        alone.file("say", f"#!/bin/sh\necho {word}\n")
        reports[word] = alone.build("child")

    workshop.build("base")
    threads = [threading.Thread(target=build, args=(word,)) for word in ("left", "rght")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for word in ("left", "rght"):
        assert image(reports[word], "child").run("say") == f"{word}\n"
    assert reports["left"].image("twin").identity != reports["rght"].image("twin").identity


def test_a_full_disk_is_one_clear_error(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The place of build contexts is a file system of one megabyte."""
    workshop.describe("  wide: {files: {blob: /usr/local/bin/blob}}\n")
    workshop.file("blob", "x" * 3_000_000)
    workshop.build("base")
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], check=True)
        try:
            monkeypatch.setattr(tempfile, "tempdir", place)
            report = workshop.build("wide")
        finally:
            subprocess.run(["umount", place], check=True)
    assert report.images["wide"].status == "failed"
    (failure,) = (e for e in workshop.events if e.subject == "wide" and e.status == "failed")
    assert "no space left on this machine" in failure.message
