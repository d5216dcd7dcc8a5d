from pathlib import Path

import pytest

from kolla.catalogue.catalogue import Catalogue
from kolla.errors import InputError
from kolla.images.context import ContextFile, gather
from kolla.images.graph import Graph
from kolla.images.requirements import Requirement

from .conftest import MakeCatalogue

PINNED = Requirement("jinja2", "3.1.6", ("sha256:aa",), ())


def content(files: tuple[ContextFile, ...], path: str) -> bytes:
    file = next(file for file in files if file.path == path)
    assert isinstance(file.content, bytes)
    return file.content


def test_files_of_the_service_lie_where_the_image_has_them(make_catalogue: MakeCatalogue) -> None:
    catalogue = make_catalogue("  notes: {files: {api: /usr/local/bin/notes-api}}\n", {"api": "#!/bin/sh\n"})
    files = gather(Graph.of(catalogue).nodes["notes"], "apt")
    (own,) = (file for file in files if file.path.startswith("root/"))
    assert (own.path, own.mode, own.content) == ("root/usr/local/bin/notes-api", 0o755, b"#!/bin/sh\n")


def test_a_missing_file_is_named_with_the_line_that_wants_it(make_catalogue: MakeCatalogue) -> None:
    catalogue = make_catalogue("  notes: {files: {api: /usr/local/bin/notes-api}}\n", {"api": ""})
    (catalogue.folders["notes"].path / "image" / "api").unlink()
    with pytest.raises(InputError, match=r"service\.yml:6: image 'notes' copies 'api'"):
        gather(Graph.of(catalogue).nodes["notes"], "apt")


@pytest.mark.parametrize(
    ("versions", "applied"),
    [(">=3.1", True), (">=3.2", False), ("<3.2,>=3.1.6", True)],
)
def test_a_patch_is_for_versions(make_catalogue: MakeCatalogue, versions: str, applied: bool) -> None:
    image = f'  notes: {{python: [Jinja2], patches: {{mend.patch: {{Jinja2: "{versions}"}}}}}}\n'
    node = Graph.of(make_catalogue(image, {"mend.patch": "--- a\n"})).nodes["notes"]
    patches = [file for file in gather(node, "apt", requirements=[PINNED]) if "patch" in file.path]
    assert [(file.path, file.mode, file.content) for file in patches] == [
        ("build/patches/jinja2/mend.patch", 0o644, b"--- a\n")
    ] * applied
    assert not any("patch" in file.path for file in gather(node, "apt")), "it has no such distribution"


def test_only_the_first_image_gets_the_runtime(catalogue: Catalogue) -> None:
    nodes = Graph.of(catalogue).nodes
    paths = {file.path for file in gather(nodes["base"], "apt")}
    assert "root/usr/local/bin/kolla_start" in paths
    assert "root/usr/local/lib/kolla_runtime/__init__.py" in paths
    assert not any("kolla_runtime" in file.path for file in gather(nodes["memcached"], "apt"))


def test_images_get_pins_and_the_wheelhouse_hashes(catalogue: Catalogue) -> None:
    node = Graph.of(catalogue).nodes["keystone"]
    plain = gather(node, "apt", requirements=[PINNED])
    hashed = gather(node, "apt", requirements=[PINNED], hashed=True)
    assert content(plain, "build/requirements.txt") == b"jinja2==3.1.6\n"
    assert content(hashed, "build/requirements.txt") == b"jinja2==3.1.6 --hash=sha256:aa\n"


def test_written_files_have_their_mode_and_the_time_of_now(tmp_path: Path) -> None:
    """BuildKit was seen to reuse a stale file of the same size and an old, normalised time."""
    source = tmp_path / "source"
    source.write_text("data")
    import os

    os.utime(source, (0, 0))
    ContextFile("a/b", 0o755, source).write(tmp_path / "context")
    written = tmp_path / "context" / "a" / "b"
    assert written.read_text() == "data"
    assert written.stat().st_mode & 0o7777 == 0o755
    assert written.stat().st_mtime > 1_000_000_000
