import pytest

from kolla.catalogue.catalogue import Catalogue
from kolla.errors import InputError
from kolla.images.graph import WHEELHOUSE, Graph

from .conftest import MakeCatalogue


def test_an_image_comes_after_what_it_needs(catalogue: Catalogue) -> None:
    graph = Graph.of(catalogue)
    order = list(graph.nodes)
    for name, node in graph.nodes.items():
        assert all(order.index(need) < order.index(name) for need in node.needs)


def test_python_images_need_the_wheelhouse(catalogue: Catalogue) -> None:
    graph = Graph.of(catalogue)
    assert graph.nodes["keystone"].needs == ("openstack-base", WHEELHOUSE)
    assert graph.nodes["memcached"].needs == ("base",)


def test_selecting_takes_ancestors_and_nothing_else(catalogue: Catalogue) -> None:
    graph = Graph.of(catalogue)
    assert set(graph.select(["memcached"]).nodes) == {"base", "memcached"}
    assert set(graph.select(["keystone"]).nodes) == {
        "base",
        "builder",
        "wheelhouse",
        "openstack-base",
        "keystone",
    }


def test_without_names_everything_published_is_selected(make_catalogue: MakeCatalogue) -> None:
    graph = Graph.of(make_catalogue("  notes: {}\n  scratchpad: {published: false}\n"))
    chosen = graph.select().nodes
    assert "notes" in chosen
    assert "scratchpad" not in chosen
    assert WHEELHOUSE in chosen


def test_an_unknown_name_gets_the_nearest(catalogue: Catalogue) -> None:
    with pytest.raises(InputError, match="there is no image 'keystoen'") as caught:
        Graph.of(catalogue).select(["keystoen"])
    assert "did you mean 'keystone'" in str(caught.value)


def test_python_distributions_of_parents_are_kept(make_catalogue: MakeCatalogue) -> None:
    graph = Graph.of(
        make_catalogue("  notes: {parent: keystone, python: [Jinja2]}\n  plain: {parent: keystone}\n")
    )
    assert set(graph.python("notes")) == {"Jinja2", *graph.python("keystone")}
    assert graph.python("plain") == ()
