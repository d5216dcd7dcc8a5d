import xml.etree.ElementTree as ElementTree
from itertools import combinations

import pytest

from kolla.catalogue.catalogue import Catalogue
from kolla.images import picture
from kolla.images.graph import Graph

from .conftest import MakeCatalogue

SVG = "{http://www.w3.org/2000/svg}"
IMAGES = """\
  notes: {}
  helper: {published: false}
  child: {parent: notes, copies: {/a: helper}}
  grandchild: {parent: child}
"""


@pytest.fixture
def graph(make_catalogue: MakeCatalogue) -> Graph:
    return Graph.of(make_catalogue(IMAGES)).select(["grandchild"])


def test_the_outline_indents_children_below_parents(graph: Graph) -> None:
    assert picture.outline(graph) == ["base", "  helper", "  notes", "    child", "      grandchild"]


def test_the_tree_says_what_else_an_image_takes_from(graph: Graph) -> None:
    assert picture.dependencies(graph) == [
        "base",
        "├── helper",
        "└── notes",
        "    └── child  (and helper)",
        "        └── grandchild",
    ]


def test_the_tree_as_data(graph: Graph) -> None:
    (base,) = picture.nested(graph)
    helper, notes = base["children"]
    assert (helper["name"], helper["children"]) == ("helper", [])
    assert notes["children"] == [
        {
            "name": "child",
            "besides": ["helper"],
            "children": [{"name": "grandchild", "besides": [], "children": []}],
        }
    ]


def test_every_image_is_told_in_an_order_it_can_be_built_in(graph: Graph) -> None:
    told = picture.documents(graph)
    assert told[-1] == {
        "name": "grandchild",
        "service": "notes",
        "parent": "child",
        "needs": ["child"],
        "profiles": [],
        "published": True,
    }
    names = [image["name"] for image in told]
    assert all(names.index(need) < names.index(i["name"]) for i in told for need in i["needs"])


def test_the_graph_for_graphviz(graph: Graph) -> None:
    assert picture.dot(graph) == (
        "digraph images {\n"
        "  rankdir=LR\n"
        '  node [shape=box, style="rounded", fontname=sans]\n'
        '  "base"\n'
        '  "helper" [style="rounded,dashed"]\n'
        '  "notes"\n'
        '  "child"\n'
        '  "grandchild"\n'
        '  "notes" -> "child"\n'
        '  "child" -> "grandchild"\n'
        '  "base" -> "helper"\n'
        '  "base" -> "notes"\n'
        '  "helper" -> "child" [style=dashed]\n'
        "}\n"
    )


def test_the_picture_shows_every_image_and_every_need_once(catalogue: Catalogue) -> None:
    graph = Graph.of(catalogue)
    drawn = ElementTree.fromstring(picture.svg(graph))
    names = [text.text for text in drawn.iter(f"{SVG}text") if text.get("class") == "name"]
    assert sorted(map(str, names)) == sorted(graph.nodes)
    kinds = [path.get("class") for path in drawn.iter(f"{SVG}path")]
    parents = sum(node.image.parent is not None for node in graph.nodes.values())
    needs = sum(len(set(node.needs)) for node in graph.nodes.values())
    assert kinds.count("line") == parents + 1, "and one in the legend"
    assert kinds.count("arc") == needs - parents + 1


def test_no_image_hides_another_and_all_are_inside(catalogue: Catalogue) -> None:
    drawn = ElementTree.fromstring(picture.svg(Graph.of(catalogue)))
    _, _, width, height = map(float, drawn.attrib["viewBox"].split())
    rects = [
        [float(rect.attrib[key]) for key in ("x", "y", "width", "height")]
        for group in drawn.iter(f"{SVG}g")
        for rect in group.iter(f"{SVG}rect")
    ]
    assert rects
    for x, y, w, h in rects:
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
    for (ax, ay, aw, ah), (bx, by, bw, bh) in combinations(rects, 2):
        assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay


def test_a_part_of_the_graph_has_its_picture_too(catalogue: Catalogue) -> None:
    part = Graph.of(catalogue).select(["memcached"])
    assert picture.svg(part).count('class="name"') == 2
