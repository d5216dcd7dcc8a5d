"""What another cloud of this machine has built, taken over by one on emulated hosts."""

from pathlib import Path

import pytest

from tests.system.rig.builds import take_over, take_over_usual


def test_reports_and_locks_are_taken_and_nothing_that_is_of_the_other_cloud(tmp_path: Path) -> None:
    other, own = tmp_path / "other", tmp_path / "own"
    for path in ("build.json", "packages/keystone.lock", "facts.json", "revisions/1.json", "base-x/proc/1"):
        (other / path).parent.mkdir(parents=True, exist_ok=True)
        (other / path).write_text(path)
    take_over(other, own)
    found = sorted(str(path.relative_to(own)) for path in own.rglob("*") if path.is_file())
    assert found == ["build.json", "packages/keystone.lock"]


def test_those_of_the_cloud_on_one_host_are_taken_if_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.system.rig.builds.state_root", lambda: tmp_path)
    take_over_usual(tmp_path / "own")
    assert not (tmp_path / "own").exists()
    (tmp_path / "kolla").mkdir()
    (tmp_path / "kolla/build.json").write_text("{}")
    take_over_usual(tmp_path / "own")
    assert (tmp_path / "own/build.json").read_text() == "{}"
