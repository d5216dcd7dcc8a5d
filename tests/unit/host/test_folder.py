"""Configuration folders on disk."""

import base64
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.host import folder
from kolla.host.cloud import Cloud
from kolla.host.errors import OperationFailed
from kolla.host.manifest import Manifest
from kolla.state.plan import Folder


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def wanted(path: Path, files: dict[str, str]):
    return {"path": str(path), "files": [{"name": n, "sha256": sha(t)} for n, t in sorted(files.items())]}


def bundle(files: dict[str, str]) -> dict[str, str]:
    return {sha(text): base64.b64encode(text.encode()).decode() for text in files.values()}


def content(path: Path) -> dict[str, str]:
    return {str(f.relative_to(path)): f.read_text() for f in path.rglob("*") if f.is_file()}


@pytest.fixture
def manifest(tmp_path):
    return Manifest(Cloud("c", "id", tmp_path / "state"))


OLD = {"a": "1", "b": "2"}
NEW = {"a": "9", "services.d/c": "3"}


def place(path, files, manifest):
    folder.place(wanted(path, files), bundle(files), manifest)


def test_place_keep(tmp_path, manifest):
    path = tmp_path / "etc/kolla/web"
    place(path, OLD, manifest)
    place(path, NEW, manifest)
    assert content(path) == NEW
    assert folder.matches(wanted(path, NEW))
    folder.keep(str(path))
    assert [each.name for each in path.parent.iterdir()] == ["web"]
    assert not folder.undo(str(path))
    assert {each.stat().st_mode & 0o777 for each in path.rglob("*") if each.is_file()} == {0o600}
    assert {each.stat().st_mode & 0o777 for each in (path, path / "services.d")} == {0o700}


def test_place_undo(tmp_path, manifest):
    path = tmp_path / "web"
    place(path, OLD, manifest)
    folder.keep(str(path))
    place(path, NEW, manifest)
    assert folder.undo(str(path))
    assert content(path) == OLD
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("web")] == ["web"]


def test_the_same_content_is_not_written_again(tmp_path, manifest):
    path = tmp_path / "web"
    place(path, OLD, manifest)
    before = path.stat().st_ino
    folder.place(wanted(path, OLD), {}, manifest)
    assert path.stat().st_ino == before


def test_a_wrong_mode_does_not_match(tmp_path, manifest):
    path = tmp_path / "web"
    place(path, OLD, manifest)
    (path / "a").chmod(0o644)
    assert not folder.matches(wanted(path, OLD))


def test_unchanged_files_need_not_come_along(tmp_path, manifest):
    path = tmp_path / "web"
    place(path, OLD, manifest)
    both = {**OLD, "new": "3"}
    folder.place(wanted(path, both), bundle({"new": "3"}), manifest)
    assert content(path) == both


def test_a_missing_or_false_content_is_refused_and_nothing_changes(tmp_path, manifest):
    path = tmp_path / "web"
    place(path, OLD, manifest)
    with pytest.raises(OperationFailed, match="file 'a' did not come"):
        folder.place(wanted(path, NEW), {}, manifest)
    with pytest.raises(OperationFailed, match="file 'a' is not what its digest says"):
        folder.place(wanted(path, NEW), {sha("9"): base64.b64encode(b"8").decode()}, manifest)
    assert content(path) == OLD


def test_the_manifest_knows_folder_and_directories_made_for_it(tmp_path, manifest):
    path = tmp_path / "etc/kolla/web"
    place(path, OLD, manifest)
    assert manifest.entries("folders") == (str(path),)
    assert manifest.entries("directories") == (str(tmp_path / "etc"), str(tmp_path / "etc/kolla"))
    assert folder.remove(str(path), manifest)
    assert manifest.entries("folders") == ()
    assert not folder.remove(str(path), manifest)


def test_observe_sends_what_is_not_known(tmp_path, manifest):
    path = tmp_path / "web"
    place(path, OLD, manifest)
    seen = folder.observe(path, {"a": sha("1")})
    assert seen == {
        "a": {"sha256": sha("1"), "mode": "0600"},
        "b": {"sha256": sha("2"), "mode": "0600", "content": "2"},
    }


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "link").symlink_to("/etc/hostname")
    assert folder.observe(tmp_path, {})["link"]["content"] == ""


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_the_digest_is_the_controllers(files):
    document = wanted(Path("/x"), files)
    assert folder.digest(document) == Folder(**document).digest


def test_a_folder_exchanged_while_it_is_read_is_read_again(tmp_path, manifest, monkeypatch):
    path = tmp_path / "web"
    place(path, OLD, manifest)
    lstat = Path.lstat

    def exchanging(file):
        if file.name == "b":
            monkeypatch.undo()
            place(path, NEW, manifest)
        return lstat(file)

    monkeypatch.setattr(Path, "lstat", exchanging)
    assert set(folder.observe(path, {})) == set(NEW)


def test_what_cannot_be_written_is_one_sentence(tmp_path, manifest):
    path = tmp_path / "web"
    place(path, OLD, manifest)
    with pytest.raises(OperationFailed, match=rf"cannot write {path}\.new/a: "):
        place(path, {"a": "a file", "a/b": "and a directory"}, manifest)
    assert content(path) == OLD


def test_a_renewed_folder_is_the_same_directory_with_other_files_and_can_be_taken_back(tmp_path):
    path = tmp_path / "web"
    path.mkdir()
    for name in ("a", "gone"):
        (path / name).write_text("old")
        (path / name).chmod(0o600)
    directory = path.stat().st_ino
    content = b"new"
    sha256 = hashlib.sha256(content).hexdigest()
    wanted = {"path": str(path), "files": [{"name": n, "sha256": sha256} for n in ("a", "come")]}
    folder.renew(wanted, {sha256: base64.b64encode(content).decode()})
    assert folder.matches(wanted)
    assert path.stat().st_ino == directory
    folder.renew_back(str(path))
    assert {file.name: file.read_text() for file in path.iterdir()} == {"a": "old", "gone": "old"}
    assert path.stat().st_ino == directory
    assert [each.name for each in tmp_path.iterdir()] == ["web"]
