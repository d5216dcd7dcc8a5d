from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kolla.images.packages import PackageLock


def test_an_entry_is_kept_for_the_next_run(tmp_path: Path) -> None:
    lock = PackageLock.of(tmp_path, "debian-13")
    assert lock.entry("notes") == ()
    assert lock.record("notes", ["b=2 bb", "a=1 aa"]) == ("a=1 aa", "b=2 bb")
    assert PackageLock.of(tmp_path, "debian-13").entry("notes") == ("a=1 aa", "b=2 bb")
    assert PackageLock.of(tmp_path, "debian-12").entry("notes") == ()


def test_what_did_not_change_is_not_written(tmp_path: Path) -> None:
    lock = PackageLock.of(tmp_path, "debian-13")
    lock.record("notes", [])
    assert not lock.path.exists()
    lock.record("notes", ["a=1 aa"])
    before = lock.path.stat().st_mtime_ns
    lock.record("notes", ["a=1 aa"])
    assert lock.path.stat().st_mtime_ns == before


def test_images_built_at_once_do_not_lose_entries(tmp_path: Path) -> None:
    lock = PackageLock.of(tmp_path, "debian-13")
    names = [f"image-{number}" for number in range(50)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: lock.record(name, [f"{name}=1 aa"]), names))
    again = PackageLock.of(tmp_path, "debian-13")
    assert all(again.entry(name) == (f"{name}=1 aa",) for name in names)
