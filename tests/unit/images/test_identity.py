import dataclasses
from typing import Any

import pytest

from kolla.catalogue.catalogue import Catalogue
from kolla.images.base import Base
from kolla.images.context import ContextFile
from kolla.images.graph import WHEELHOUSE, Graph
from kolla.images.identity import hashes, identity
from kolla.images.inputs import Inputs
from kolla.images.options import Options, Transport
from kolla.images.requirements import Lock

from .conftest import MakeCatalogue

FILE = ContextFile("root/x", 0o755, b"one")


HASHES: dict[str, Any] = {
    "dockerfile": "FROM a",
    "context": (FILE,),
    "packages": ["x=1 aa"],
    "images": {"a": "1"},
    "python": {"y": "1"},
}


@pytest.mark.parametrize(
    "change",
    [
        {"dockerfile": "FROM b"},
        {"context": (dataclasses.replace(FILE, content=b"two"),)},
        {"context": (dataclasses.replace(FILE, mode=0o644),)},
        {"context": (dataclasses.replace(FILE, path="root/y"),)},
        {"context": ()},
        {"packages": ["x=2 aa"]},
        {"packages": ["x=1 bb"]},
        {"packages": []},
        {"images": {"a": "2"}},
        {"images": {"b": "1"}},
        {"python": {"y": "2"}},
    ],
)
def test_each_input_counts(change: dict[str, Any]) -> None:
    assert identity(hashes(**{**HASHES, **change})) != identity(hashes(**HASHES))


def test_the_order_of_packages_does_not_count() -> None:
    assert hashes("", (), ["a", "b"]) == hashes("", (), ["b", "a"])


def all_identities(catalogue: Catalogue, options: Options, base: Base | None = None) -> dict[str, str]:
    inputs = Inputs.of(Graph.of(catalogue).select(), options)
    found: dict[str, str] = {}
    for name in inputs.graph.nodes:
        found[name] = inputs.identity(name, found, base, ())
    return found


def test_the_way_to_the_mirrors_does_not_count(catalogue: Catalogue, options: Options) -> None:
    elsewhere = Transport(
        mirrors={"debian_mirror": "http://mirror.example/debian"},
        pypi_index_url="https://user:word@index.example/simple",
        http_proxy="http://proxy.example:3128",
    )
    there = dataclasses.replace(options, transport=elsewhere, registry="registry.example:5000", threads=9)
    assert all_identities(catalogue, options) == all_identities(catalogue, there)


def test_a_new_base_is_a_new_everything(catalogue: Catalogue, options: Options) -> None:
    before = all_identities(catalogue, options, Base(image="debian@sha256:aa"))
    after = all_identities(catalogue, options, Base(image="debian@sha256:bb"))
    assert not set(before.values()) & set(after.values())


def test_a_changed_file_changes_its_image_and_no_other(
    make_catalogue: MakeCatalogue, options: Options
) -> None:
    images = "  notes: {files: {api: /usr/local/bin/api}}\n  child: {parent: notes}\n"
    before = all_identities(make_catalogue(images, {"api": "one"}), options)
    after = all_identities(make_catalogue(images, {"api": "two"}), options)
    assert {name for name in before if before[name] != after[name]} == {"notes", "child"}


@pytest.mark.parametrize(("changed", "affected"), [("uwsgi", {"keystone"}), ("pymysql", None)])
def test_a_new_version_in_the_lock_changes_only_who_installs_it(
    catalogue: Catalogue, changed: str, affected: set[str] | None, options: Options
) -> None:
    lock = Lock.load("2026.1", options.distribution.name)
    newer = dataclasses.replace(lock.requirements[changed], version="99")
    other = dataclasses.replace(lock, requirements={**lock.requirements, changed: newer})
    graph = Graph.of(catalogue).select(["keystone", "kolla-toolbox"])
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for name in graph.nodes:
        before[name] = Inputs(graph, options, lock).identity(name, before, None, ())
        after[name] = Inputs(graph, options, other).identity(name, after, None, ())
    different = {name for name in before if before[name] != after[name]}
    assert different == {WHEELHOUSE, *(affected or {"keystone", "kolla-toolbox"})}
