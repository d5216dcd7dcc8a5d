"""Sources: what settings may say, what is fetched, and when."""

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kolla.catalogue import loader
from kolla.catalogue.catalogue import Catalogue
from kolla.errors import InputError, KollaError
from kolla.images import archive, fetch, sources
from kolla.images.download import find_in_index
from kolla.images.environment import Environment
from kolla.images.fetch import Store
from kolla.images.git import version_of
from kolla.images.graph import Graph
from kolla.images.inputs import Inputs
from kolla.images.options import Options
from kolla.images.requirements import Lock
from kolla.images.sources import Tree
from kolla.settings import globals as settings_file
from kolla.settings.globals import Globals

from .conftest import MakeCatalogue

Settings = Callable[[dict[str, Any]], Globals]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with image_sources."""
    catalogue = loader.load()

    def write(given: dict[str, Any]) -> Globals:
        (tmp_path / "globals.yml").write_text(yaml.safe_dump({"image_sources": given, "build_retries": 0}))
        return settings_file.load(tmp_path, catalogue)

    return write


class Repo:
    """A git repository with one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.git("init", "-q", "-b", "main")
        self.commit("one")

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        command = ["git", "-C", str(self.path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, text: str) -> str:
        (self.path / "file").write_text(f"{text}\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", text)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "upstream")


@pytest.fixture
def store(tmp_path: Path, settings: Settings) -> Callable[[dict[str, Any]], Store]:
    def make(source: dict[str, Any]) -> Store:
        options = Options.of(settings({"keystone": source}))
        (tmp_path / "state").mkdir(exist_ok=True)
        return Store(options, Lock.load("2026.1", "debian-13"), tmp_path / "state")

    return make


def content(tree: Tree, directory: Path) -> dict[str, str]:
    target = directory / "seen"
    target.mkdir()
    archive.extract(tree.file, target)
    found = {str(p.relative_to(target)): p.read_text() for p in target.rglob("*") if p.is_file()}
    subprocess.run(["rm", "-r", str(target)], check=True)
    return found


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"type": "gti"}, "did you mean 'git'"),
        ({"type": "git"}, "'keystone' has no location"),
        ({"type": "url", "location": "https://x/y.tar.gz"}, "'keystone' has no sha256"),
        ({"type": "url", "location": "https://x/y.tar.gz", "sha256": "12"}, "'12' cannot be used"),
        ({"type": "git", "location": "x", "refrence": "y"}, "did you mean 'reference'"),
        ({"type": "local", "location": "/nowhere"}, "there is no directory '/nowhere'"),
        ({"type": "git", "location": "x", "patches": "/nowhere"}, "there is no directory '/nowhere'"),
        (
            {"type": "git", "location": "x", "sha256": "a" * 64},
            "'sha256' means nothing for 'keystone', which is of type git",
        ),
    ],
)
def test_a_source_that_cannot_be_is_refused(settings: Settings, source: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        sources.given(settings({"keystone": source}))
    assert message in str(caught.value)
    assert "globals.yml:" in str(caught.value)


def test_a_source_that_nothing_installs_is_refused(settings: Settings, tmp_path: Path) -> None:
    given = settings({"keystoen": {"type": "local", "location": str(tmp_path)}})
    graph = Graph.of(given.catalogue)
    with pytest.raises(InputError, match="no image installs 'keystoen'") as caught:
        fetch.trees(given, given.catalogue, graph, tmp_path)
    assert "did you mean 'keystone'" in str(caught.value)
    assert "globals.yml:3" in str(caught.value)


def test_a_branch_is_what_it_was_until_refreshed(
    repo: Repo, store: Callable[[dict[str, Any]], Store], tmp_path: Path
) -> None:
    source = {"type": "git", "location": str(repo.path), "reference": "main"}
    first = store(source).fetched(["keystone"])["keystone"]
    assert content(first, tmp_path) == {"file": "one\n"}
    repo.commit("two")
    assert store(source).fetched(["keystone"])["keystone"] == first
    second = store(source).fetched(["keystone"], refresh=["keystone"])["keystone"]
    assert content(second, tmp_path) == {"file": "two\n"}
    assert second.sha256 != first.sha256


def test_a_locked_commit_is_fetched_again_after_the_branch_moved(
    repo: Repo, store: Callable[[dict[str, Any]], Store], tmp_path: Path
) -> None:
    source = {"type": "git", "location": f"file://{repo.path}", "reference": "main"}
    first = store(source).fetched(["keystone"])["keystone"]
    repo.commit("two")
    subprocess.run(["rm", "-r", str(tmp_path / "state" / "sources")], check=True)
    assert store(source).fetched(["keystone"])["keystone"].sha256 == first.sha256


def test_nothing_is_asked_when_everything_is_here(
    repo: Repo, store: Callable[[dict[str, Any]], Store]
) -> None:
    source = {"type": "git", "location": str(repo.path), "reference": "main"}
    first = store(source).fetched(["keystone"])
    subprocess.run(["rm", "-rf", str(repo.path)], check=True)
    assert store(source).fetched(["keystone"]) == first
    assert store(source).recorded(["keystone"]) == first


def test_patches_are_applied_and_count(
    repo: Repo, store: Callable[[dict[str, Any]], Store], tmp_path: Path
) -> None:
    patches = tmp_path / "patches"
    patches.mkdir()
    (patches / "1.patch").write_text("--- a/file\n+++ b/file\n@@ -1 +1 @@\n-one\n+patched\n")
    source = {"type": "git", "location": str(repo.path), "reference": "main", "patches": str(patches)}
    first = store(source).fetched(["keystone"])["keystone"]
    assert content(first, tmp_path) == {"file": "patched\n"}
    repo.commit("two")  # which the patch does not fit: the commit is the locked one
    (patches / "1.patch").write_text("--- a/file\n+++ b/file\n@@ -1 +1 @@\n-one\n+again\n")
    assert content(store(source).fetched(["keystone"])["keystone"], tmp_path) == {"file": "again\n"}


def test_the_version_is_that_of_the_tag_or_of_the_lock(
    repo: Repo, store: Callable[[dict[str, Any]], Store]
) -> None:
    locked = Lock.load("2026.1", "debian-13").requirements["keystone"].version
    source = {"type": "git", "location": f"file://{repo.path}", "reference": "main"}

    def version(**words: object) -> str:
        return store({**source, **words}).fetched(["keystone"], refresh=["keystone"])["keystone"].version

    assert version() == locked
    assert version(version="1.2.3") == "1.2.3"
    repo.git("tag", "29.1.0")
    assert version(reference="29.1.0") == "29.1.0"
    assert version() == "29.1.0"
    repo.commit("two")
    assert version(depth=0) == "29.1.1.dev1"


def test_a_local_checkout_is_read_every_time_without_what_git_ignores(
    repo: Repo, store: Callable[[dict[str, Any]], Store], tmp_path: Path
) -> None:
    (repo.path / ".gitignore").write_text("*.log\n")
    source = {"type": "local", "location": str(repo.path)}
    first = store(source).fetched(["keystone"])["keystone"]
    assert content(first, tmp_path) == {"file": "one\n", ".gitignore": "*.log\n"}
    (repo.path / "x.log").write_text("noise")
    assert store(source).fetched(["keystone"])["keystone"].sha256 == first.sha256
    (repo.path / "new").write_text("new")
    assert store(source).fetched(["keystone"])["keystone"].sha256 != first.sha256


def test_a_disk_that_is_full_of_sources_is_one_clear_error(
    repo: Repo, store: Callable[[dict[str, Any]], Store], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mkstemp = tempfile.mkstemp
    monkeypatch.setattr(tempfile, "mkstemp", lambda **words: (mkstemp(**words)[0], "/dev/full"))
    with pytest.raises(KollaError, match="'keystone': no space left on this machine") as caught:
        store({"type": "local", "location": str(repo.path)}).fetched(["keystone"])
    assert str(tmp_path / "state") in caught.value.what


def test_a_reference_that_is_not_there_is_said_at_once(
    repo: Repo, store: Callable[[dict[str, Any]], Store]
) -> None:
    with pytest.raises(KollaError, match=r"'keystone': couldn't find remote ref nowhere"):
        store({"type": "git", "location": str(repo.path), "reference": "nowhere"}).fetched(["keystone"])


def test_credentials_are_in_no_message_and_no_record(
    repo: Repo, store: Callable[[dict[str, Any]], Store], tmp_path: Path
) -> None:
    source = {"type": "git", "location": "https://me:s3cret@localhost:1/x.git"}
    with pytest.raises(KollaError) as caught:
        store(source).fetched(["keystone"])
    assert "localhost:1" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_url_must_have_its_checksum(store: Callable[[dict[str, Any]], Store], tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "PKG-INFO").write_text("Name: keystone\nVersion: 7.0\n")
    right = archive.pack(tmp_path / "tree", tmp_path / "keystone-7.0.tar")
    source = {"type": "url", "location": (tmp_path / "keystone-7.0.tar").as_uri(), "sha256": right}
    assert store(source).fetched(["keystone"])["keystone"].version == "7.0"
    with pytest.raises(KollaError, match="another file than wanted") as caught:
        store({**source, "sha256": "0" * 64}).fetched(["keystone"])
    assert "0" * 64 in str(caught.value)
    assert right in str(caught.value)


def test_a_file_of_an_index_is_found_by_its_digest() -> None:
    page = '<a href="../../packages/x-1.0.tar.gz#sha256=aa">x</a> <a href="y.whl#sha256=bb" data-x="&gt;">'
    address = "https://pypi.example/simple/x/"
    assert find_in_index(page, "aa", address) == "https://pypi.example/packages/x-1.0.tar.gz"
    assert find_in_index(page, "bb", address) == "https://pypi.example/simple/x/y.whl"
    assert find_in_index(page, "cc", address) is None


@pytest.mark.parametrize(
    ("described", "version"),
    [
        ("29.0.0", "29.0.0"),
        ("v1.2", "1.2"),
        ("29.0.0-3-gabc1234", "29.0.1.dev3"),
        ("29.0.0.0rc1", "29.0.0.0rc1"),
        ("29.0.0.0rc1-12-gabc1234", "29.0.0.0rc2.dev12"),
        ("2026.1-eol", ""),
        ("", ""),
        ("stable", ""),
    ],
)
def test_the_version_of_what_git_describes(described: str, version: str) -> None:
    assert version_of(described) == version


@given(st.from_regex(r"v?[0-9]+(\.[0-9]+){0,3}((a|b|rc)[0-9]+)?(-[0-9]+-g[0-9a-f]{7})?", fullmatch=True))
def test_every_described_tag_gives_a_version(described: str) -> None:
    from packaging.version import Version

    assert str(Version(version_of(described)))


def test_an_environment_has_sources_instead_of_the_lock(options: Options) -> None:
    graph = Graph.of(loader.load())
    lock = Lock.load(options.release, options.distribution.name)
    plain = Environment.of(graph, "keystone", lock, [])
    changed = Environment.of(graph, "keystone", lock, ["keystone", "oslo-messaging", "nova"])
    assert changed.sources == ("keystone", "oslo-messaging")
    left_out = {r.name for r in plain.requirements} - {r.name for r in changed.requirements}
    assert left_out == {"keystone", "oslo-messaging"}


def test_only_images_that_install_it_change(settings: Settings, tmp_path: Path) -> None:
    given = settings({})
    graph = Graph.of(given.catalogue)
    options = Options.of(given)
    file = tmp_path / "keystone.tar"
    identities = dict.fromkeys(graph.nodes, "0" * 64)

    def all_of(trees: dict[str, Tree]) -> dict[str, str]:
        inputs = Inputs.of(graph, options, trees)
        return {name: inputs.identity(name, identities, None, ()) for name in graph.nodes}

    plain = all_of({})
    first = all_of({"keystone": Tree("keystone", "1", file, "a" * 64)})
    second = all_of({"keystone": Tree("keystone", "1", file, "b" * 64)})
    assert [name for name in plain if plain[name] != first[name]] == ["keystone"]
    assert first["keystone"] != second["keystone"]


@pytest.mark.parametrize("name", ["keystone", "nonsense"])
def test_a_source_that_install_type_binary_ignores_is_refused(
    tmp_path: Path, catalogue: Catalogue, name: str
) -> None:
    (tmp_path / "checkout").mkdir()
    said = {
        "kolla_install_type": "binary",
        "openstack_release": "2025.1",
        "image_sources": {name: {"type": "local", "location": str(tmp_path / "checkout")}},
    }
    (tmp_path / "globals.yml").write_text(yaml.safe_dump(said))
    given = settings_file.load(tmp_path, catalogue)
    graph = Graph.of(catalogue, binary=True).select(["keystone"])
    with pytest.raises(InputError, match=f"no image installs '{name}' from source") as caught:
        fetch.trees(given, catalogue, graph, tmp_path)
    assert "globals.yml:2: " in str(caught.value)
    assert "kolla_install_type: source" in str(caught.value)


def test_a_source_of_what_stays_from_source_counts_in_install_type_binary(
    tmp_path: Path, make_catalogue: MakeCatalogue
) -> None:
    catalogue = make_catalogue("  notes: {parent: openstack-base, python: [alembic]}\n")
    (tmp_path / "checkout").mkdir()
    said = {
        "kolla_install_type": "binary",
        "openstack_release": "2025.1",
        "image_sources": {
            "alembic": {"type": "local", "location": str(tmp_path / "checkout")},
            "mako": {"type": "local", "location": str(tmp_path / "checkout")},  # alembic needs it
        },
    }
    (tmp_path / "globals.yml").write_text(yaml.safe_dump(said))
    given = settings_file.load(tmp_path, catalogue)
    whole = Graph.of(catalogue, binary=True)
    assert fetch.trees(given, catalogue, whole.select(["notes"]), tmp_path).keys() == {"alembic", "mako"}
    assert fetch.trees(given, catalogue, whole.select(["keystone"]), tmp_path) == {}


def test_the_wheel_of_a_source_is_built_in_a_stage_of_its_own(settings: Settings, tmp_path: Path) -> None:
    given = settings({})
    graph = Graph.of(given.catalogue).select(["keystone"])
    trees = {"keystone": Tree("keystone", "1", tmp_path / "keystone.tar", "a" * 64)}
    inputs = Inputs.of(graph, Options.of(given), trees)
    text = inputs.dockerfile("keystone", {need: need for need in graph.nodes}, None)
    assert text.index("FROM wheelhouse AS source-keystone") < text.index("FROM openstack-base")
    assert "from=source-keystone,source=/sources,target=/mnt/sources/keystone" in text
    files = {file.path: file.content for file in inputs.context("keystone", None)}
    assert files["build/sources/keystone/version"] == b"1\n"
    requirements = files["build/requirements.txt"]
    assert isinstance(requirements, bytes)
    assert b"\nkeystone==" not in requirements
    assert b"\nkeystonemiddleware==" in requirements
