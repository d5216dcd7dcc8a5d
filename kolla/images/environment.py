"""What the virtual environment of an image is made of: what the lock names, and sources."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from kolla.images.graph import Graph
from kolla.images.requirements import Lock, Requirement, normalise


@dataclass(frozen=True)
class Environment:
    """The distributions of a virtual environment, by name."""

    requirements: tuple[Requirement, ...] = ()
    """From the lock."""
    sources: tuple[str, ...] = ()
    """From the settings' sources, instead of the lock or because it has none."""

    @classmethod
    def of(cls, graph: Graph, name: str, lock: Lock, sources: Collection[str]) -> Environment:
        """The environment of image `name`, where `sources` are the distributions that have one.

        What a source needs besides is known only when it is built: it is taken from the lock then.
        InputError for a distribution that neither the lock nor `sources` have.
        """
        node = graph.nodes[name]
        roots = [normalise(root) for root in graph.python(name)]
        locked = [root for root in roots if root in lock.requirements or root not in sources]
        closure = lock.closure(locked, wanted=f"image '{name}'", where=node.where)
        names = {*roots, *(requirement.name for requirement in closure)}
        chosen = tuple(sorted(names & set(sources)))
        return cls(tuple(r for r in closure if r.name not in chosen), chosen)
