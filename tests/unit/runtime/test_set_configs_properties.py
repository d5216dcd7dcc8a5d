"""Whatever the configuration: what was placed is unchanged, any one change is seen, all can be undone."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kolla.runtime.lib.kolla_runtime import configuration, tree

from .conftest import ME, SOURCES, Container, item

quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])

NAMES = ("one", "two", "sub/one", "sub/two", "sub/deep/one")
texts = st.sampled_from(["", "a", "b\n"])
modes = st.sampled_from([0o600, 0o640, 0o644, 0o755])
files = st.dictionaries(st.sampled_from(NAMES), st.tuples(texts, modes), min_size=1)
items = st.builds(
    item,
    source=st.sampled_from(["folder", "folder/*", "file", "f*"]),
    dest=st.sampled_from(["/etc/x", "/etc/x/", "/etc/x/sub/", "/etc/x/sub/one", "/etc/y", "/opt/"]),
    perm=st.sampled_from(["600", "0600", "0o640", "0755"]),
    merge=st.booleans(),
    preserve_properties=st.booleans(),
)
permissions = st.builds(
    lambda path, perm, recurse: {"path": path, "owner": ME, "perm": perm, "recurse": recurse},
    path=st.sampled_from(["/etc/x", "/etc/x/*", "/etc/*/sub", "/opt/file"]),
    perm=st.sampled_from(["0600", "0750"]),
    recurse=st.booleans(),
)


@contextmanager
def configured(
    source: dict[str, tuple[str, int]],
    image: dict[str, tuple[str, int]],
    config_files: list[dict[str, Any]],
    entries: list[dict[str, Any]],
) -> Iterator[Container]:
    """A container with the image's files below /etc/x, and sources `folder` and `file`."""
    with tempfile.TemporaryDirectory() as directory:
        container = Container(Path(directory))
        for name, (text, mode) in source.items():
            container.write(f"{SOURCES}/folder/{name}", text, mode)
        container.write(f"{SOURCES}/file", "the file")
        for name, (text, mode) in image.items():
            container.write(f"/etc/x/{name}", text, mode)
        container.configure(*config_files, permissions=entries)
        yield container


def everything(container: Container, below: str) -> dict[str, tuple[int, bytes]]:
    """Mode and content of every file."""
    return {
        str(path): (path.stat().st_mode, path.read_bytes())
        for path in container.path(below).rglob("*")
        if path.is_file()
    }


def placed(container: Container) -> dict[str, tree.Entry]:
    loaded = configuration.load(container.path(SOURCES))
    return dict(tree.expected(loaded, container.root).entries)


@quick
@given(files, files, st.lists(items, max_size=3), st.lists(permissions, max_size=2))
def test_what_was_placed_is_unchanged_however_often_it_is_placed(
    source, image, config_files, entries
) -> None:  # type: ignore[no-untyped-def]
    with configured(source, image, config_files, entries) as container:
        assume(container.start() == 0)
        assert container.check() == 0
        before = everything(container, "/etc"), everything(container, "/opt")
        assert container.start() == 0
        assert container.check() == 0
        assert before == (everything(container, "/etc"), everything(container, "/opt"))


@quick
@given(files, files, st.lists(items, min_size=1, max_size=3), st.lists(permissions, max_size=2), st.data())
def test_any_one_change_is_seen(source, image, config_files, entries, data) -> None:  # type: ignore[no-untyped-def]
    with configured(source, image, config_files, entries) as container:
        assume(container.start() == 0)
        wholly_ours = {path: e for path, e in placed(container).items() if not (e.merged and is_folder(e))}
        path = data.draw(st.sampled_from(sorted(wholly_ours)))
        change = data.draw(st.sampled_from(CHANGES[is_folder(wholly_ours[path])]))
        change(container.path(path))
        assert container.check() == 1


@quick
@given(files, files, st.lists(items, max_size=3), st.integers(1, 3))
def test_without_the_configuration_the_image_is_as_it_was(source, image, config_files, starts) -> None:  # type: ignore[no-untyped-def]
    with configured(source, image, config_files, []) as container:
        before = everything(container, "/etc/x")
        for _ in range(starts):
            assume(container.start() == 0)
        container.configure()
        assert container.start() == 0
        assert container.check() == 0
        assert everything(container, "/etc/x") == before
        assert not [path for path in container.path("/opt").rglob("*") if path.is_file()]


def is_folder(entry: tree.Entry) -> bool:
    return entry.kind == stat.S_IFDIR


def change_mode(path: Path) -> None:
    path.chmod(path.stat().st_mode & 0o7777 ^ 0o020)


def change_content(path: Path) -> None:
    with path.open("a") as file:
        file.write("more")


def delete(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def become_link(path: Path) -> None:
    delete(path)
    os.symlink("/nowhere", path)


def become_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def add_file(path: Path) -> None:
    (path / "added").write_text("")


def add_folder(path: Path) -> None:
    (path / "added").mkdir()


CHANGES = {
    False: [change_mode, change_content, delete, become_link, become_folder],
    True: [change_mode, delete, become_link, add_file, add_folder],
}
