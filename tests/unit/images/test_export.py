from pathlib import Path

import pytest

from kolla import places
from kolla.catalogue.catalogue import Catalogue
from kolla.cli.main import invoke
from kolla.errors import InputError
from kolla.images.export import export
from kolla.images.graph import Graph
from kolla.images.inputs import Inputs
from kolla.images.options import Options

from .conftest import MakeCatalogue


def test_every_image_has_its_dockerfile_and_context(
    catalogue: Catalogue, options: Options, tmp_path: Path
) -> None:
    graph = Graph.of(catalogue).select(["keystone"])
    folders = export(Inputs.of(graph, options), tmp_path)
    assert [folder.name for folder in folders] == list(graph.nodes)
    dockerfile = (tmp_path / "keystone" / "Dockerfile").read_text()
    parent = f"FROM kolla/openstack-base:2026.1-{options.distribution.name}\n"
    assert parent in dockerfile
    assert "keystone==" in (tmp_path / "keystone" / "build" / "requirements.txt").read_text()
    script = tmp_path / "keystone" / "root/usr/local/bin/kolla_keystone_bootstrap"
    assert script.stat().st_mode & 0o777 == 0o755


def test_it_needs_no_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(places, "state_root", lambda: tmp_path / "state")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    monkeypatch.setenv("PATH", "")
    out = tmp_path / "out"
    assert invoke(["build", "--template-only", str(out), "memcached", "--configdir", str(tmp_path)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["base", "memcached"]
    assert capsys.readouterr().out == f"wrote {out}/base\nwrote {out}/memcached\n"


def test_what_is_written_again_holds_nothing_old(
    make_catalogue: MakeCatalogue, options: Options, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for name in ("old", "new"):
        catalogue = make_catalogue(f"  notes: {{files: {{{name}: /bin/{name}}}}}\n", {name: "#!/bin/sh\n"})
        export(Inputs.of(Graph.of(catalogue).select(["notes"]), options), out)
    assert [path.name for path in (out / "notes" / "root" / "bin").iterdir()] == ["new"]


def test_what_is_written_again_differs_in_nothing_and_touches_only_what_was_changed(
    catalogue: Catalogue, options: Options, tmp_path: Path
) -> None:
    inputs = Inputs.of(Graph.of(catalogue).select(["keystone"]), options)
    export(inputs, tmp_path)
    folder = tmp_path / "keystone"
    before = {path: (path.read_bytes(), path.stat()) for path in folder.rglob("*") if path.is_file()}
    script = folder / "root/usr/local/bin/kolla_keystone_bootstrap"
    edited, linked, closed = folder / "Dockerfile", folder / "build" / "requirements.txt", script
    edited.write_text("mine")
    linked.unlink()
    linked.symlink_to("/dev/null")
    closed.chmod(0o600)
    export(inputs, tmp_path)
    after = {path: (path.read_bytes(), path.stat()) for path in folder.rglob("*") if path.is_file()}
    assert {path: content for path, (content, _) in after.items()} == {
        path: content for path, (content, _) in before.items()
    }
    assert not linked.is_symlink()
    assert closed.stat().st_mode == before[closed][1].st_mode
    touched = {path for path in after if after[path][1].st_mtime_ns != before[path][1].st_mtime_ns}
    assert touched == {edited, linked, closed}


def test_a_folder_of_somebody_else_is_left_alone(
    catalogue: Catalogue, options: Options, tmp_path: Path
) -> None:
    (tmp_path / "memcached").mkdir()
    (tmp_path / "memcached" / "mine").write_text("mine")
    with pytest.raises(InputError, match="was not written by kolla build"):
        export(Inputs.of(Graph.of(catalogue).select(["memcached"]), options), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["memcached"]


@pytest.mark.parametrize("base", ["ubuntu", "rocky", "centos"])
def test_a_base_without_a_lock_is_rendered_with_a_warning(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(places, "state_root", lambda: tmp_path / "state")
    out = tmp_path / "out"
    asked = ["build", "--template-only", str(out), ".", "--base", base, "--configdir", str(tmp_path)]
    assert invoke(asked) == 0
    assert (out / "keystone" / "Dockerfile").is_file()
    assert not (out / "keystone" / "build" / "requirements.txt").exists()
    told = capsys.readouterr().out
    assert f"warning: there is no lock for release 2026.1 on {base}-" in told
    assert f"run: kolla lock --openstack-release 2026.1 --base {base} " in told
