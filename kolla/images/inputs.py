"""What goes into each image of a run: context, Dockerfile, identity. Decided, with nothing run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kolla.build_report import InputHashes
from kolla.images.base import Base
from kolla.images.context import Context, ContextFile, gather
from kolla.images.dockerfile import render
from kolla.images.environment import Environment
from kolla.images.graph import WHEELHOUSE, Graph
from kolla.images.identity import hashes, identity
from kolla.images.options import Options
from kolla.images.repositories import added, of_image
from kolla.images.requirements import Lock, Requirement
from kolla.images.sources import Tree

_NO_TREES: Mapping[str, Tree] = {}


@dataclass(frozen=True)
class Inputs:
    """The images of a run, what the settings say, and the release lock if any image needs it."""

    graph: Graph
    options: Options
    lock: Lock | None
    trees: Mapping[str, Tree] = field(default_factory=dict)
    """The sources of distributions that are not from the lock."""

    @classmethod
    def of(
        cls, graph: Graph, options: Options, trees: Mapping[str, Tree] = _NO_TREES, *, locked: bool = True
    ) -> Inputs:
        """Check everything that can be checked before a build: templates, files, Python requirements.

        MissingLock when an image needs a lock that is not there; not `locked`, Python environments are left
        without requirements, which is enough to render and not to build.
        """
        needed = locked and WHEELHOUSE in graph.nodes
        lock = Lock.load(options.release, options.distribution.name) if needed else None
        inputs = cls(graph, options, lock, trees)
        for name, node in graph.nodes.items():
            inputs.dockerfile(name, {need: need for need in node.needs}, None)
        return inputs

    def dockerfile(
        self, name: str, built: Mapping[str, str], base: Base | None, context: Context | None = None
    ) -> str:
        """The Dockerfile; `built` says what stands for the images it is built from. Who has the `context` of
        the image already gives it: gathering it takes longer than rendering."""
        gathered = context if context is not None else self.context(name, base)
        return render(self.graph, name, gathered, self.options, built, base)

    def with_repositories(self, name: str, secrets: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """The secrets of a run as the build of one image needs them."""
        extras = of_image(self.options.repositories, self.graph, name)
        return added(secrets, extras, self.options.distribution)

    def environment(self, name: str) -> Environment:
        """What the virtual environment of an image is made of; empty for images without one."""
        if self.lock is None or name == WHEELHOUSE:
            return Environment()
        return Environment.of(self.graph, name, self.lock, self.trees)

    def context(self, name: str, base: Base | None, *, locked: Sequence[str] = ()) -> Context:
        """The build context; `locked` is the entry of the package lock that must be met."""
        node = self.graph.nodes[name]
        is_root = node.image.parent is None
        files = gather(
            node,
            self.options.distribution.manager,
            requirements=self._requirements(name),
            hashed=name == WHEELHOUSE,
            others=[
                *(f for source in self.environment(name).sources for f in self.trees[source].context),
                *(e.key_file for e in of_image(self.options.repositories, self.graph, name)),
            ],
            root_file_system=base.context_file if base and is_root else None,
        )
        if not locked:
            return files
        lines = "".join(f"{line}\n" for line in locked).encode()
        return (*files, ContextFile("build/packages.lock", 0o644, lines))

    def hashes(
        self, name: str, identities: Mapping[str, str], base: Base | None, packages: Sequence[str]
    ) -> InputHashes:
        """What goes into an image, part by part, given the identities of the images it is built from."""
        needs = self.graph.nodes[name].needs
        images = {need: identities[need] for need in needs}
        if WHEELHOUSE in images:
            images[WHEELHOUSE] = self._wheels_identity(name, identities)
        context = self.context(name, base)
        return hashes(
            self.dockerfile(name, {need: need for need in needs}, base, context),
            context,
            packages,
            images=images,
            python={r.name: r.version for r in self._requirements(name)}
            | {source: self.trees[source].version for source in self.environment(name).sources},
        )

    def identity(
        self, name: str, identities: Mapping[str, str], base: Base | None, packages: Sequence[str]
    ) -> str:
        """The identity of an image, given those of the images it is built from."""
        return identity(self.hashes(name, identities, base, packages))

    def _wheels_identity(self, name: str, identities: Mapping[str, str]) -> str:
        """What the wheelhouse would be if it held only the wheels this image installs.

        So a lock that changed elsewhere leaves the image as it is. One with a source of its own may
        install any of the wheels. Of a wheelhouse from elsewhere nobody knows what it was made with: it
        stands for itself.
        """
        node = self.graph.nodes[WHEELHOUSE]
        if not identities.keys() >= set(node.needs):
            return identities[WHEELHOUSE]
        chooser = WHEELHOUSE if self.environment(name).sources else name
        context = gather(
            node, self.options.distribution.manager, requirements=self._requirements(chooser), hashed=True
        )
        names = {need: need for need in node.needs}
        dockerfile = render(self.graph, WHEELHOUSE, context, self.options, names)
        return identity(hashes(dockerfile, context, (), images={n: identities[n] for n in node.needs}))

    def _requirements(self, name: str) -> Sequence[Requirement]:
        if self.lock is None:
            return ()
        if name == WHEELHOUSE:
            return tuple(self.lock.requirements.values())
        return self.environment(name).requirements
