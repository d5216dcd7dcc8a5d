"""Versions of the host's own code."""

import os
import time

import pytest

from kolla.host import program


@pytest.fixture
def own(tmp_path):
    own = tmp_path / "bin" / "host-2"
    own.mkdir(parents=True)
    return own


def make(directory, days):
    directory.mkdir(parents=True)
    (directory / "file").touch()
    then = time.time() - days * 24 * 3600
    os.utime(directory, (then, then))


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_versions_nobody_used_for_a_day_go_and_this_one_is_in_use(own):
    make(own.parent / "host-0", days=2)
    make(own.parent / "tmpleftover", days=2)
    make(own.parent / "host-1", days=0.5)
    os.utime(own, (0, 0))
    program.forget_old(own)
    assert names(own.parent) == ["host-1", "host-2"]
    assert time.time() - own.stat().st_mtime < 60


def test_all_go_with_the_last_cloud(own, tmp_path):
    make(own.parent / "host-0", days=0)
    make(tmp_path / "other", days=0)
    (tmp_path / "other" / "lock").touch()
    program.remove(own)
    assert names(tmp_path) == ["bin", "other"]
    (tmp_path / "other" / "lock").unlink()
    program.remove(own)
    assert names(tmp_path) == ["other"]


def test_the_sources_are_not_touched(tmp_path):
    sources = tmp_path / "kolla"
    make(tmp_path / "neighbour", days=9)
    sources.mkdir()
    program.forget_old(sources)
    program.remove(sources)
    assert names(tmp_path) == ["kolla", "neighbour"]
