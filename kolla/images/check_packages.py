"""Whether a distribution has the packages that images name. Decided from its index, with nothing built."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.distribution import Distribution
from kolla.errors import Location, did_you_mean
from kolla.images.graph import Graph, Node


def findings(
    graph: Graph, catalogue: Catalogue, distribution: Distribution, known: Collection[str]
) -> tuple[Mapping[str, Any], ...]:
    """A finding for every name of a package in the images of `graph`; `known` are those there are.

    In the words of `kolla.results.Findings`: the distribution is what is checked, an image the check.
    """
    found = []
    for name, node in graph.nodes.items():
        for package, where in _packages(node, catalogue, distribution):
            ok = package in known
            found.append(
                {
                    "host": distribution.name,
                    "check": name,
                    "subject": package,
                    "ok": ok,
                    "message": "" if ok else f"{where}: no such package",
                    "hint": None if ok else did_you_mean(package, known),
                }
            )
    return tuple(found)


def _packages(node: Node, catalogue: Catalogue, distribution: Distribution) -> Iterator[tuple[str, Location]]:
    """The packages of an image, and where each was written."""
    for words, lists in node.image.package_lists(binary=node.binary):
        for package in distribution.packages(lists):
            place = next(name for name in reversed(distribution.lineage) if package in lists.get(name, ()))
            index = lists[place].index(package)
            yield package, catalogue.where(node.folder.name, "images", node.name, *words, place, index)
