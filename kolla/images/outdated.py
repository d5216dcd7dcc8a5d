"""Which images are not what would be built now. Decided from the build report, with nothing run."""

from __future__ import annotations

import graphlib
from pathlib import Path

from kolla.build_report import BuildReport
from kolla.catalogue.catalogue import Catalogue
from kolla.images import base
from kolla.images.fetch import trees
from kolla.images.graph import Graph
from kolla.images.inputs import Inputs
from kolla.images.options import Options
from kolla.images.packages import PackageLock
from kolla.settings.globals import Globals


def outdated(
    settings: Globals, catalogue: Catalogue, report: BuildReport, state_directory: Path
) -> tuple[str, ...]:
    """Images whose own inputs have changed since they were built, parents first.

    Empty where nothing was built from this state directory: then there is nothing to compare with.
    InputError for what a build would refuse.
    """
    options = Options.of(settings)
    recorded = base.recorded(options, state_directory)
    if recorded is None:
        return ()
    graph = Graph.of(catalogue, binary=options.binary).on(options.distribution).select(())
    inputs = Inputs.of(graph, options, trees(settings, catalogue, graph, state_directory, ask=False))
    lock = PackageLock.of(state_directory, options.distribution.name)
    nodes = inputs.graph.nodes
    identities = {name: image.identity for name, image in report.images.items() if image.id is not None}
    order = graphlib.TopologicalSorter({name: node.needs for name, node in nodes.items()}).static_order()
    return tuple(
        name
        for name in order
        if name in identities
        and identities.keys() >= set(nodes[name].needs)
        and inputs.identity(name, identities, recorded, lock.entry(nodes[name].packages_key))
        != identities[name]
    )
