"""What talks to others does not wait for them for ever."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kolla.catalogue.distribution import Distribution
from kolla.images import bootstrap_apt, bootstrap_dnf, git
from kolla.images.download import FetchError
from kolla.images.engine import TookTooLong
from kolla.images.git import Repository
from kolla.images.options import Transport
from kolla.images.processes import Processes


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes every call and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/x.git"


def repository(directory: Path, location: str, timeout: int) -> Repository:
    return Repository.of(directory / "x.git", location, proxy="", ca_file=None, timeout=timeout)


def test_git_is_ended_when_its_time_is_over(silent: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"git took longer than 1 s \(image_build_timeout\)") as caught:
        repository(tmp_path, silent, 1).resolve("main", 1)
    assert not caught.value.temporary


def test_a_repository_that_stalls_is_given_up_and_may_go_better(
    silent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git, "SLOW", 1)
    with pytest.raises(FetchError, match="too slow") as caught:
        repository(tmp_path, silent, 60).resolve("main", 1)
    assert caught.value.temporary


@pytest.mark.parametrize(
    ("program", "bootstrap", "distribution"),
    [
        ("mmdebstrap", bootstrap_apt.bootstrap, Distribution.named("debian", "13")),
        ("dnf", bootstrap_dnf.bootstrap, Distribution.named("rocky", "10")),
    ],
)
def test_a_bootstrap_is_ended_when_its_time_is_over(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    bootstrap: Callable[..., list[str]],
    distribution: Distribution,
) -> None:
    for name in (program, "rpm"):
        (tmp_path / name).write_text("#!/bin/sh\nsleep 300\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    state = tmp_path / "state"
    state.mkdir()
    with pytest.raises(TookTooLong, match=r"took longer than 1 s \(image_build_timeout\)"):
        bootstrap(distribution, Transport(), state / "base.tar", state / "log", Processes(), 1)
