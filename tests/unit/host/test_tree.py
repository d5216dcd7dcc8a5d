"""Copies of directories, and what is seen of one that differs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kolla.host import tree


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "source"
    (directory / "deep" / "er").mkdir(parents=True)
    (directory / "deep" / "er" / "row").write_bytes(bytes(range(256)))
    (directory / "deep" / "er" / "row").chmod(0o640)
    (directory / "link").symlink_to("deep/er/row")
    (directory / "broken").symlink_to("nowhere")
    os.mkfifo(directory / "pipe")
    directory.chmod(0o710)
    return directory


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


def test_everything_is_copied(source: Path, target: Path) -> None:
    assert tree.copy(source, target) == (1, 256)
    assert tree.differences(source, target) == []
    assert target.stat().st_mode & 0o777 == 0o710
    assert os.readlink(target / "broken") == "nowhere"


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (lambda t: (t / "deep/er/row").write_bytes(bytes(256)), "deep/er/row"),
        (lambda t: (t / "deep/er/row").chmod(0o600), "deep/er/row"),
        (lambda t: (t / "link").unlink(), "link"),
        (lambda t: (t / "more").touch(), "more"),
        (lambda t: t.chmod(0o700), "."),
    ],
)
def test_every_difference_is_seen(
    source: Path, target: Path, change: Callable[[Path], object], seen: str
) -> None:
    tree.copy(source, target)
    change(target)
    assert tree.differences(source, target) == [seen]
