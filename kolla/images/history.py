"""What earlier runs made: their report and locks, and what the engine still has of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kolla.build_report import BuildReport, BuiltImage, InputHashes
from kolla.images import base
from kolla.images.graph import Graph
from kolla.images.identity import identity
from kolla.images.inputs import Inputs
from kolla.images.options import Options
from kolla.images.packages import PackageLock
from kolla.images.why import FIRST, NO_BASE, why
from kolla.places import Places

ELSEWHERE = "not asked for"
"""Why an image of the report is as it was: the run was about others."""


@dataclass
class History:
    """The state directory's record of images, which grows while a run goes on."""

    state_directory: Path
    report: BuildReport
    """Of the last runs for this release and base, every image `unchanged`; then of this run as well."""
    lock: PackageLock
    base: base.Base | None
    present: Mapping[str, frozenset[str]]
    """Image ID -> its tags, for all the engine has."""

    @classmethod
    def of(cls, options: Options, state_directory: Path, present: Mapping[str, frozenset[str]]) -> History:
        """Read it. InputError when the report is not one."""
        name = options.distribution.name
        return cls(
            state_directory,
            _earlier(Places(state_directory).build_report, options.release, name),
            PackageLock.of(state_directory, name),
            base.recorded(options, state_directory),
            present,
        )

    def why(self, inputs: Inputs, name: str, identities: Mapping[str, str], *, refresh: bool = False) -> str:
        """Why an image must be built, given the identities of what it is built from; empty if it need not."""
        earlier = self.report.images.get(name)
        if self.base is None and inputs.graph.nodes[name].image.parent is None:
            return NO_BASE if earlier else FIRST
        locked = self.lock.entry(inputs.graph.nodes[name].packages_key)
        now = inputs.hashes(name, identities, self.base, locked)
        present = earlier is not None and earlier.id in self.present
        return why(now, earlier, present=present, refresh=refresh)

    def again(
        self, inputs: Inputs, name: str, identities: Mapping[str, str]
    ) -> tuple[str, str, InputHashes] | None:
        """ID, identity and inputs of the image that some earlier run made of the very things that go in now,
        and that the engine still has under the tag only it has: the report knows of one release and base,
        and of the last build alone."""
        if self.base is None:
            return None
        locked = self.lock.entry(inputs.graph.nodes[name].packages_key)
        now = inputs.hashes(name, identities, self.base, locked)
        image = self._by_tag.get(inputs.options.reference(name, identity(now)))
        return (image, identity(now), now) if image else None

    def there(self, inputs: Inputs) -> dict[str, str]:
        """Image -> ID, for those of the graph whose moving tag the engine has."""
        tags = {name: inputs.options.reference(name) for name in inputs.graph.nodes}
        return {name: self._by_tag[tag] for name, tag in tags.items() if tag in self._by_tag}

    def aside(self, graph: Graph, reached: Collection[str]) -> dict[str, str]:
        """Identities of the images of the graph that a run does not reach, where an earlier one made them:
        what is taken as it is was built from these."""
        earlier = self.report.images
        return {n: earlier[n].identity for n in graph.nodes if n not in reached and n in earlier}

    def taken(self, inputs: Inputs, name: str) -> tuple[str, str, InputHashes | None]:
        """ID, identity and inputs of an image as the engine has it. One that was not built here stands for
        itself: its ID is its identity."""
        image, earlier = self.there(inputs)[name], self.report.images.get(name)
        if earlier is not None and earlier.id == image:
            return image, earlier.identity, earlier.inputs
        return image, image.removeprefix("sha256:"), None

    @cached_property
    def _by_tag(self) -> Mapping[str, str]:
        return {tag: image for image, tags in self.present.items() for tag in tags}

    def keep(self, image: BuiltImage) -> None:
        """Put an image in the report, on disk before this returns."""
        self.report = self.report.model_copy(update={"images": {**self.report.images, image.name: image}})
        self.report.save(Places(self.state_directory).build_report)


def _earlier(path: Path, release: str, name: str) -> BuildReport:
    earlier = BuildReport.load(path) if path.exists() else None
    images = earlier.images if earlier and (earlier.release, earlier.base) == (release, name) else {}
    fresh = {
        "status": "unchanged",
        "why": ELSEWHERE,
        "seconds": 0.0,
        "log": None,
        "error": "",
        "may_fail": False,
    }
    known = {name: image.model_copy(update=fresh) for name, image in images.items() if image.id}
    return BuildReport(release=release, base=name, images=known)
