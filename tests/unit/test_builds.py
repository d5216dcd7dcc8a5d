"""What another cloud of this machine has built, taken over by one on emulated hosts."""

from pathlib import Path

from tests.system.rig.builds import take_over


def test_reports_and_locks_are_taken_and_nothing_that_is_of_the_other_cloud(tmp_path: Path) -> None:
    other, own = tmp_path / "other", tmp_path / "own"
    for path in ("build.json", "packages/keystone.lock", "facts.json", "revisions/1.json", "base-x/proc/1"):
        (other / path).parent.mkdir(parents=True, exist_ok=True)
        (other / path).write_text(path)
    take_over(other, own)
    found = sorted(str(path.relative_to(own)) for path in own.rglob("*") if path.is_file())
    assert found == ["build.json", "packages/keystone.lock"]
