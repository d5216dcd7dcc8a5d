import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.errors import InputError, KollaError
from kolla.images import archive


def tree(directory: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


NAMES = st.text("abc.", min_size=1, max_size=3).filter(lambda name: name.strip("."))


@given(files=st.dictionaries(NAMES, st.text("ab\n", max_size=4), max_size=5))
def test_equal_files_give_equal_bytes(
    files: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    digests = set()
    for order in (list(files.items()), list(reversed(files.items()))):
        directory = tmp_path_factory.mktemp("pack")
        tree(directory / "tree", {"sub/fixed": "", **dict(order)})
        digests.add(archive.pack(directory / "tree", directory / "a.tar"))
    assert len(digests) == 1


def test_content_mode_and_name_count(tmp_path: Path) -> None:
    source = tree(tmp_path / "tree", {"a": "1", "b": "1"})
    found = {archive.pack(source, tmp_path / "x.tar")}
    (source / "a").chmod(0o755)
    found.add(archive.pack(source, tmp_path / "x.tar"))
    (source / "a").write_text("2")
    found.add(archive.pack(source, tmp_path / "x.tar"))
    (source / "b").rename(source / "c")
    found.add(archive.pack(source, tmp_path / "x.tar"))
    assert len(found) == 4


def test_the_one_directory_of_an_archive_is_left_out(tmp_path: Path) -> None:
    tree(tmp_path / "in" / "x-1.0", {"x-1.0/again": "1", "setup.py": ""})
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as file:
        file.add(tmp_path / "in", ".")
    out = tmp_path / "out"
    out.mkdir()
    archive.unpack(tmp_path / "x.tar.gz", out)
    assert sorted(str(p.relative_to(out)) for p in out.rglob("*")) == ["setup.py", "x-1.0", "x-1.0/again"]


def test_what_is_no_archive_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_text("<html>")
    with pytest.raises(KollaError, match=r"x\.tar\.gz cannot be unpacked"):
        archive.unpack(tmp_path / "x.tar.gz", tmp_path)


def test_an_archive_cannot_write_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "evil").write_text("x")
    with tarfile.open(tmp_path / "x.tar", "w") as file:
        file.add(tmp_path / "evil", "../outside")
    (tmp_path / "out").mkdir()
    with pytest.raises(KollaError, match="cannot be unpacked"):
        archive.unpack(tmp_path / "x.tar", tmp_path / "out")
    assert not (tmp_path / "outside").exists()


PATCH = "--- a/file\n+++ b/file\n@@ -1 +1 @@\n-{}\n+{}\n"


def test_patches_go_by_name_or_by_their_series(tmp_path: Path) -> None:
    tree(tmp_path, {"b.patch": "", "a.diff": "", "README": ""})
    assert [p.name for p in archive.patches(tmp_path)] == ["a.diff", "b.patch"]
    (tmp_path / "series").write_text("b.patch\n# a.diff is for later\n\na.diff # now\n")
    assert [p.name for p in archive.patches(tmp_path)] == ["b.patch", "a.diff"]
    (tmp_path / "series").write_text("b.patch\nc.patch\n")
    with pytest.raises(InputError, match=r"series:2: there is no patch 'c\.patch'"):
        archive.patches(tmp_path)


def test_a_patch_is_applied_also_below_a_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    source = tree(tmp_path / "tree", {"file": "one\n"})
    patch = tmp_path / "1.patch"
    patch.write_text(PATCH.format("one", "two"))
    archive.apply(patch, source, "thing")
    assert (source / "file").read_text() == "two\n"


def test_a_patch_that_does_not_fit_names_itself_and_the_file(tmp_path: Path) -> None:
    source = tree(tmp_path / "tree", {"file": "three\n"})
    patch = tmp_path / "0001-fix.patch"
    patch.write_text(PATCH.format("one", "two"))
    with pytest.raises(KollaError) as caught:
        archive.apply(patch, source, "thing")
    assert "thing: patch 0001-fix.patch does not apply" in str(caught.value)
    assert "file:1" in str(caught.value)
    assert (source / "file").read_text() == "three\n"
