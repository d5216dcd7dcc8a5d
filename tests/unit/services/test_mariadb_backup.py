"""What backup and restore decide: which go, whether a copy is whole, which server can follow which."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .scripts import load


@pytest.fixture(scope="module")
def server() -> ModuleType:
    return load("mariadb", "server.py")


@pytest.fixture(scope="module")
def tables(server: ModuleType) -> ModuleType:
    return load("mariadb", "tables.py")


@pytest.fixture(scope="module")
def store(server: ModuleType) -> ModuleType:
    return load("mariadb", "store.py")


@pytest.fixture(scope="module")
def restore(store: ModuleType, tables: ModuleType) -> ModuleType:
    return load("mariadb", "restore")


def keep(directory: Path, *names: str, **changes: Any) -> None:
    for name in names:
        (directory / name).mkdir()
        (directory / name / "data.tar.gz").write_bytes(b"archive")
        manifest = {"name": name, "server": "10.11.6", **changes}
        (directory / name / "manifest.json").write_text(json.dumps(manifest))


def test_names_sort_as_the_moments_do(store: ModuleType) -> None:
    assert store.new_name(0) == "1970-01-01T00-00-00Z"
    moments = [0, 59, 3600, 86399, 86400 * 400, 1.9e9]
    assert sorted(map(store.new_name, moments)) == list(map(store.new_name, moments))


@given(st.sets(st.text("0123456789", min_size=1)), st.integers(1, 5))
def test_the_newest_stay(store: ModuleType, names: set[str], kept: int) -> None:
    gone = store.outdated(list(names), kept)
    stay = names - set(gone)
    assert len(stay) == min(kept, len(names))
    assert all(old < new for old in gone for new in stay)


def test_pruning_removes_the_oldest_and_no_unfinished_one(store: ModuleType, tmp_path: Path) -> None:
    keep(tmp_path, "2026-01", "2026-02", "2026-03")
    (tmp_path / ".unfinished").mkdir()
    assert store.prune(tmp_path, 2) == ["2026-01"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".unfinished", "2026-02", "2026-03"]
    assert store.prune(tmp_path, 2) == []


def test_the_newest_is_chosen_or_the_one_that_is_named(store: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(store.Fault, match="there is no backup; kolla backup makes one"):
        store.chosen(tmp_path, "")
    keep(tmp_path, "2026-01", "2026-02")
    assert store.chosen(tmp_path, "")["name"] == "2026-02"
    assert store.chosen(tmp_path, "2026-01")["name"] == "2026-01"
    with pytest.raises(store.Fault, match="no backup '2026-03'; there are: 2026-01, 2026-02"):
        store.chosen(tmp_path, "2026-03")


def test_a_full_disk_is_told_before_anything_is_written(store: ModuleType, tmp_path: Path) -> None:
    store.demand_space(tmp_path, 0, "a backup")
    with pytest.raises(
        store.Fault, match=r"a backup needs 1073741888 MiB on the disk of .*; \d+ MiB are free"
    ):
        store.demand_space(tmp_path, 1 << 50, "a backup")


def seen(tables: ModuleType, quiet: set[str], **rows: int) -> Any:
    return tables.Seen({f"nova.{name}": count for name, count in rows.items()}, {f"nova.{q}" for q in quiet})


def test_a_copy_has_what_nobody_changed_exactly(tables: ModuleType) -> None:
    before, after = seen(tables, {"a", "b"}, a=3, b=4), seen(tables, {"a"}, a=3, b=9)
    tables.compare(before, after, {"nova.a": 3, "nova.b": 7})
    with pytest.raises(tables.Fault, match=r"the backup has 2 rows of nova\.a, the server 3"):
        tables.compare(before, after, {"nova.a": 2, "nova.b": 7})


def test_a_copy_has_every_table_that_was_there_all_the_time(tables: ModuleType) -> None:
    before, after = seen(tables, set(), a=0, gone=1), seen(tables, set(), a=0, new=1)
    tables.compare(before, after, {"nova.a": 0})
    with pytest.raises(tables.Fault, match=r"the backup lacks nova\.a"):
        tables.compare(before, after, {"nova.gone": 1, "nova.new": 1})


def test_what_comes_back_is_what_was_kept(tables: ModuleType) -> None:
    tables.compare_exactly({"a.b": 1}, {"a.b": 1})
    for found in ({"a.b": 2}, {}, {"a.b": 1, "a.c": 0}):
        with pytest.raises(tables.Fault, match="what came back is not what was kept: a"):
            tables.compare_exactly({"a.b": 1}, found)


def test_long_lists_are_cut(tables: ModuleType) -> None:
    assert tables.listed(["a", "b", "c"]) == "a, b, c"
    assert tables.listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert tables.quote("a`b") == "`a``b`"


@pytest.mark.parametrize(
    ("of", "here", "refused"),
    [("10.11.6", "10.11.2", False), ("10.11.6", "11.8.3", False), ("11.8.3", "10.11.6", True)],
)
def test_no_server_gets_the_files_of_a_newer_one(
    restore: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: str, here: str, refused: bool
) -> None:
    keep(tmp_path, "b", server=of)
    sha256 = restore.store.digest(tmp_path / "b" / "data.tar.gz")
    monkeypatch.setattr(restore.store, "STORE", tmp_path)
    monkeypatch.setattr(restore.server, "version", lambda: here)
    manifest = {"name": "b", "server": of, "sha256": sha256}
    if refused:
        with pytest.raises(
            restore.server.Fault, match=f"a server {of}, whose files this one, {here}, cannot"
        ):
            restore.check(manifest)
    else:
        restore.check(manifest)
    with pytest.raises(restore.server.Fault, match="its SHA-256 is another one"):
        restore.check({**manifest, "sha256": "0"})


def test_the_new_data_takes_the_place_of_the_old_also_after_it_was_cut_off(
    restore: ModuleType, tmp_path: Path
) -> None:
    def lay(incoming: dict[str, str], present: dict[str, str], replaced: dict[str, str]) -> None:
        for folder, files in ((restore.INCOMING, incoming), (".", present), (restore.OUTGOING, replaced)):
            for name, text in files.items():
                (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / folder / name).write_text(text)

    def found() -> dict[str, str]:
        files = (path for path in tmp_path.rglob("*") if path.is_file())
        return {str(path.relative_to(tmp_path)): path.read_text() for path in files}

    new = {"ibdata1": "new", "nova/a.ibd": "new"}
    lay(new, {"ibdata1": "old", "nova/a.ibd": "old", "nova/b.ibd": "old"}, {})
    restore.exchange(tmp_path, tmp_path / restore.INCOMING)
    assert found() == new
    # Cut off when the old data was gone and half of the new data was there; then done again.
    lay(new, {"ibdata1": "half"}, {"ibdata1": "old", "nova/a.ibd": "old"})
    restore.exchange(tmp_path, tmp_path / restore.INCOMING)
    assert found() == new


def test_a_server_tells_its_version_and_series(
    server: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "mariadbd"
    tool.write_text(
        "#!/bin/sh\necho 'mariadbd  Ver 11.8.3-MariaDB-0+deb13u1 from Debian for linux (Debian)'\n"
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert server.version() == "11.8.3"
    assert server.series("11.8.3") == (11, 8) > server.series("10.11.6")
