"""The image graph for people: as an outline, as nested data, for Graphviz, and as a picture (SVG).

In the picture parents stand left of their children, each image beside its own; what an image takes from
others besides its parent is a dashed arc.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from kolla.images.graph import Graph, Node

ROW = 34
"""Pixels from one image to the next below it."""
COLUMN = 250
"""Pixels from a parent to its children."""
BOX = (180, 24)
"""Width and height of an image, in pixels."""
MARGIN = 24
LEGEND = 44
"""Height of what explains the lines, in pixels."""


@dataclass(frozen=True)
class Tree:
    """An image graph, looked at from its roots."""

    graph: Graph

    @cached_property
    def children(self) -> Mapping[str | None, tuple[str, ...]]:
        """Image -> the images built from it, by name; None -> those without a parent in the graph."""
        found: dict[str | None, list[str]] = {}
        for name, node in sorted(self.graph.nodes.items()):
            parent = node.image.parent if node.image.parent in self.graph.nodes else None
            found.setdefault(parent, []).append(name)
        return {parent: tuple(names) for parent, names in found.items()}

    def walk(self, below: str | None = None, depth: int = 0) -> Iterator[tuple[int, str]]:
        """Depth and name of every image, each before its children."""
        for name in self.children.get(below, ()):
            yield depth, name
            yield from self.walk(name, depth + 1)

    def besides(self, name: str) -> tuple[str, ...]:
        """What an image is built from besides its parent, each once."""
        node = self.graph.nodes[name]
        return tuple(dict.fromkeys(need for need in node.needs if need != node.image.parent))


def outline(graph: Graph) -> list[str]:
    """A line for each image, indented below its parent."""
    return ["  " * depth + name for depth, name in Tree(graph).walk()]


def dependencies(graph: Graph) -> list[str]:
    """As `outline`, with lines from parents to children, and what else each image takes files from."""
    tree = Tree(graph)

    def lines(below: str | None, indent: str) -> Iterator[str]:
        names = tree.children.get(below, ())
        for name in names:
            last = name == names[-1]
            branch, trunk = ("", "") if below is None else ("└── ", "    ") if last else ("├── ", "│   ")
            others = tree.besides(name)
            yield f"{indent}{branch}{name}" + (f"  (and {', '.join(others)})" if others else "")
            yield from lines(name, indent + trunk)

    return list(lines(None, ""))


def documents(graph: Graph) -> list[dict[str, Any]]:
    """What there is to know of each image without building it, in the order in which they can be built."""
    return [
        {
            "name": name,
            "service": node.folder.name,
            "parent": node.image.parent,
            "needs": list(node.needs),
            "profiles": _profiles(node),
            "published": node.image.published,
        }
        for name, node in graph.nodes.items()
    ]


def nested(graph: Graph) -> list[dict[str, Any]]:
    """The tree as data: name, what it takes from besides its parent, and its children."""
    tree = Tree(graph)

    def below(parent: str | None) -> list[dict[str, Any]]:
        return [
            {"name": name, "besides": list(tree.besides(name)), "children": below(name)}
            for name in tree.children.get(parent, ())
        ]

    return below(None)


def dot(graph: Graph) -> str:
    """The graph in the language of Graphviz: `dot -Tpng`."""
    tree = Tree(graph)
    lines = ["digraph images {", "  rankdir=LR", '  node [shape=box, style="rounded", fontname=sans]']
    for _, name in tree.walk():
        style = "" if graph.nodes[name].image.published else ' [style="rounded,dashed"]'
        lines.append(f'  "{name}"{style}')
    for parent, names in tree.children.items():
        lines += [f'  "{parent}" -> "{name}"' for name in names if parent is not None]
    for _, name in tree.walk():
        lines += [f'  "{other}" -> "{name}" [style=dashed]' for other in tree.besides(name)]
    return "\n".join([*lines, "}"]) + "\n"


@dataclass(frozen=True)
class Box:
    """An image in the picture; x and y are of its upper left corner."""

    name: str
    title: str
    """What is shown of it when it is pointed at."""
    x: int
    y: int
    hue: int
    """Degrees; every service has its own."""
    published: bool

    @property
    def middle(self) -> int:
        """Of its height."""
        return self.y + BOX[1] // 2

    @property
    def right(self) -> int:
        """Its right edge."""
        return self.x + BOX[0]


def svg(graph: Graph) -> str:
    """The graph as a picture."""
    tree = Tree(graph)
    boxes = {box.name: box for box in _boxes(tree)}
    parents = [
        (boxes[parent], boxes[name])
        for parent, names in tree.children.items()
        for name in names
        if parent is not None
    ]
    arcs = [(boxes[other], boxes[name]) for name in boxes for other in tree.besides(name)]
    environment = Environment(
        loader=FunctionLoader(_template),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("picture.svg.j2").render(
        boxes=list(boxes.values()),
        parents=parents,
        arcs=arcs,
        box_width=BOX[0],
        box_height=BOX[1],
        gap=COLUMN - BOX[0],
        margin=MARGIN,
        width=max(box.right for box in boxes.values()) + COLUMN - BOX[0] + MARGIN,
        height=max(box.y for box in boxes.values()) + BOX[1] + MARGIN,
    )


def _boxes(tree: Tree) -> Iterator[Box]:
    """Where the images stand: those without children one below the other, a parent beside the middle of
    its children."""
    services = sorted({node.folder.name for node in tree.graph.nodes.values()})
    rows: dict[str, float] = {}

    def place(name: str) -> float:
        below = [place(child) for child in tree.children.get(name, ())]
        if below:
            rows[name] = (below[0] + below[-1]) / 2
        else:
            rows[name] = sum(not tree.children.get(other) for other in rows)
        return rows[name]

    for root in tree.children[None]:
        place(root)
    for depth, name in tree.walk():
        node = tree.graph.nodes[name]
        yield Box(
            name=name,
            title=_title(node),
            x=MARGIN + depth * COLUMN,
            y=MARGIN + LEGEND + round(rows[name] * ROW),
            hue=round(360 * services.index(node.folder.name) / len(services)),
            published=node.image.published,
        )


def _title(node: Node) -> str:
    lines = [f"{node.name}: {node.folder.service.title}"]
    if profiles := _profiles(node):
        lines.append(f"profiles: {', '.join(profiles)}")
    if node.image.python:
        lines.append(f"Python: {', '.join(node.image.python)}")
    return "\n".join(lines)


def _profiles(node: Node) -> list[str]:
    return list(node.folder.service.profiles) if node.image.published else []


def _template(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text()
