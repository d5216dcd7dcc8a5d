"""What a desired state is derived from, and what follows from it for all parts alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kolla.build_report import BuildReport, BuiltImage
from kolla.catalogue.model import Image
from kolla.settings import Settings
from kolla.state.consumer import Consumer
from kolla.state.references import References
from kolla.state.releases import Course
from kolla.state.topology import Topology


@dataclass(frozen=True)
class Inputs:
    """Read by every part, changed by none."""

    settings: Settings
    report: BuildReport
    topology: Topology
    course: Course
    consumers: Mapping[str, Consumer]
    """By name of the service."""
    references: References

    @classmethod
    def of(cls, settings: Settings, report: BuildReport, topology: Topology, course: Course) -> Inputs:
        """With what every service is to its providers."""
        consumers = {f.name: Consumer.of(f, settings, topology) for f in settings.services}
        return cls(settings, report, topology, course, consumers, References(topology, consumers))

    def built(self, name: str) -> tuple[Image, BuiltImage]:
        """An image as the catalogue has it, and as it was built."""
        _, image = self.settings.catalogue.image(name)
        return image, self.report.image(name)
