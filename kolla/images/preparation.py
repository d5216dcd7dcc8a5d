"""What a run of the builder starts from; its forecast starts from the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kolla.catalogue.catalogue import Catalogue
from kolla.events import Listener, ignore
from kolla.images.engine import Engine, connect
from kolla.images.fetch import trees
from kolla.images.graph import Graph
from kolla.images.history import History
from kolla.images.inputs import Inputs
from kolla.images.options import Options
from kolla.images.selection import Scope
from kolla.settings.globals import Globals


@dataclass(frozen=True)
class Preparation:
    """What goes in, what is there already, and what the run has to do with."""

    inputs: Inputs
    engine: Engine
    history: History
    scope: Scope
    refresh: frozenset[str]
    """Images that take the newest packages instead of the locked ones."""

    @classmethod
    def of(
        cls,
        settings: Globals,
        catalogue: Catalogue,
        names: Sequence[str],
        state_directory: Path,
        *,
        refresh: bool,
        skip_parents: bool,
        skip_existing: bool,
        ask: bool = True,
        on_event: Listener = ignore,
    ) -> Preparation:
        """The arguments are those of `build`; sources are fetched unless not `ask`. InputError for what
        cannot be built, KollaError without engine."""
        options = Options.of(settings)
        graph = Graph.of(catalogue, binary=options.binary).on(options.distribution).select(names)
        fresh = frozenset(names or graph.nodes) if refresh else frozenset[str]()
        found = trees(
            settings,
            catalogue,
            graph,
            state_directory,
            refresh=fresh if ask else (),
            ask=ask,
            on_event=on_event,
        )
        inputs = Inputs.of(graph, options, found)
        engine = connect(options.engine)
        history = History.of(options, state_directory, engine.images())
        named, there = names or graph.published, history.there(inputs)
        scope = Scope.of(graph, named, there, skip_parents=skip_parents, skip_existing=skip_existing)
        return cls(inputs, engine, history, scope, fresh)
