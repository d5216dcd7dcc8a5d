"""An engine that keeps images on a disk too small for them: a second one, on a file system in memory."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from kolla.images import space

from .conftest import Workshop


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory with a small file system at `images`; short, because a socket's path is."""
    with tempfile.TemporaryDirectory() as name:
        images = Path(name) / "images"
        images.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", images], check=True)
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "--recursive", images], check=True)


@pytest.fixture(scope="module")
def small(place: Path) -> Iterator[str]:
    """Address of an engine that keeps its images there, without networks: nothing is run in it.

    In a network namespace of its own: an engine that is to have no bridge removes docker0, whosever it is.
    """
    address = f"unix://{place}/socket"
    command = [
        "unshare",
        "--net",
        "dockerd",
        f"--data-root={place}/images",
        f"--exec-root={place}/run",
        f"--host={address}",
    ]
    command += [f"--pidfile={place}/pid", "--bridge=none", "--iptables=false", "--ip-masq=false"]
    with (place / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            for _ in range(300):
                assert process.poll() is None, (place / "log").read_text()
                if answers(address):
                    break
                time.sleep(0.1)
            yield address
        finally:
            process.terminate()


def answers(address: str) -> bool:
    try:
        return bool(docker.DockerClient(address).ping())
    except DockerException:
        return False


@pytest.fixture
def yard(workshop: Workshop, small: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workshop:
    """A workshop whose engine is the small one."""
    workshop.describe("  unused: {user: worker}\n")
    workshop.build("base")
    monkeypatch.setenv("DOCKER_HOST", small)
    yard = workshop.another(tmp_path)
    yard.describe("  child: {user: worker}\n")
    return yard


def failure(yard: Workshop) -> str:
    """Build, and why the base could not be built."""
    report = yard.build("child")
    found = {name: image.status for name, image in report.images.items()}
    assert found == {"base": "failed", "child": "skipped"}
    (event,) = (e for e in yard.events if e.subject == "base" and e.status == "failed")
    return event.message


def test_too_little_space_is_found_before_anything_is_built(yard: Workshop, place: Path) -> None:
    assert failure(yard).startswith(f"no space to build images: {place}/images has 0.")
    assert not (yard.state / "logs").exists()


def test_a_disk_that_fills_up_is_one_sentence(
    yard: Workshop, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(space, "FREE_SPACE", 0)
    assert failure(yard).startswith("no space left where the engine keeps images; make room, ")
    assert docker.DockerClient(small).images.list(all=True) == []
