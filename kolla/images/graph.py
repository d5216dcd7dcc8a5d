"""The image graph: which image is built from which, decided from the catalogue alone."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.distribution import Distribution
from kolla.catalogue.model import Image, ServiceFolder
from kolla.errors import InputError, Location, did_you_mean

WHEELHOUSE = "wheelhouse"
"""The image that holds every wheel of the release's lock; images with Python software are built with it."""


@dataclass(frozen=True)
class Node:
    """An image, the folder that declares it, and the images that must exist before it."""

    name: str
    image: Image
    folder: ServiceFolder
    needs: tuple[str, ...]
    where: Location
    """The line that declares it."""
    binary: bool = False
    """Whether its software is the distribution's own: its, or that of the parent it adds no Python to."""

    @property
    def packages_key(self) -> str:
        """Its name in the package lock, where both install types have their place."""
        return f"{self.name}/binary" if self.binary else self.name


@dataclass(frozen=True)
class Graph:
    """Images by name, in an order in which each comes after what it needs."""

    nodes: Mapping[str, Node]
    unavailable: Mapping[str, str] = field(default_factory=dict)
    """Images left out of it -> why."""

    @classmethod
    def of(cls, catalogue: Catalogue, *, binary: bool = False) -> Graph:
        """The graph of every image of the catalogue (whose loader refuses unknown parents and cycles).

        `binary`: images that say what they are in that install type are of it.
        """
        images = {n: i for folder in catalogue.folders.values() for n, i in folder.service.images.items()}
        binaries = {name for name in images if binary and _is_binary(images, name)}
        nodes = {
            name: Node(
                name,
                image,
                folder,
                _needs(image, binary=name in binaries),
                catalogue.where(folder.name, "images", name),
                binary=name in binaries,
            )
            for folder in catalogue.folders.values()
            for name, image in folder.service.images.items()
        }
        sorter = graphlib.TopologicalSorter({name: sorted(nodes[name].needs) for name in sorted(nodes)})
        return cls({name: nodes[name] for name in sorter.static_order()})

    @property
    def published(self) -> list[str]:
        """The images that containers run from."""
        return [name for name, node in self.nodes.items() if node.image.published]

    def on(self, distribution: Distribution) -> Graph:
        """Without the images that cannot be built on a distribution, and those built from them."""
        left_out: dict[str, str] = {}
        for name, node in self.nodes.items():
            reason = distribution.nearest(node.image.unavailable)
            below = next((need for need in node.needs if need in left_out), None)
            if reason is not None:
                left_out[name] = f"image '{name}' cannot be built on {distribution.name}: {reason}"
            elif below is not None:
                left_out[name] = f"image '{name}' is built from another one: {left_out[below]}"
        return Graph({name: node for name, node in self.nodes.items() if name not in left_out}, left_out)

    def select(self, names: Iterable[str] = ()) -> Graph:
        """The named images and all they need; without names every published one. InputError if unknown."""
        wanted = list(names) or self.published
        chosen: set[str] = set()
        while wanted:
            name = wanted.pop()
            if name in self.unavailable:
                raise InputError(self.unavailable[name])
            if name not in self.nodes:
                raise InputError(
                    f"there is no image '{name}'",
                    expected="a name that kolla build --list-images prints",
                    hint=did_you_mean(name, self.nodes),
                )
            if name not in chosen:
                chosen.add(name)
                wanted.extend(self.nodes[name].needs)
        return Graph({name: node for name, node in self.nodes.items() if name in chosen})

    def lineage(self, name: str) -> tuple[Node, ...]:
        """The image and its parents, the image first."""
        node = self.nodes[name]
        parent = node.image.parent
        return (node, *(self.lineage(parent) if parent else ()))

    def python(self, name: str) -> tuple[str, ...]:
        """What its virtual environment holds: its own distributions and, if it has any, its parents'."""
        if not self.nodes[name].image.python or self.nodes[name].binary:
            return ()
        return tuple(sorted({d for node in self.lineage(name) for d in node.image.python}))


def _is_binary(images: Mapping[str, Image], name: str) -> bool:
    image = images[name]
    if image.binary is not None or image.python or image.parent is None:
        return image.binary is not None
    return _is_binary(images, image.parent)


def _needs(image: Image, *, binary: bool) -> tuple[str, ...]:
    needs = [image.parent] if image.parent else []
    needs += image.copies.values()
    if image.python and not binary:
        needs.append(WHEELHOUSE)
    return tuple(needs)
