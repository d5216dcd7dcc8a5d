"""Removing what was built from the engine."""

from __future__ import annotations

from kolla.build_report import BuildReport
from kolla.images.engine import connect


def remove(report: BuildReport, engine_name: str) -> list[str]:
    """Remove every tag of every image the report names, those of earlier builds too; what was removed.

    An image that a container still uses loses its name and stays. KollaError without an engine.
    """
    engine = connect(engine_name)
    repositories = {
        image.reference.rpartition(":")[0] for image in report.images.values() if image.reference is not None
    }
    tags = sorted(tag for tags in engine.images().values() for tag in tags)
    ours = [tag for tag in tags if tag.rpartition(":")[0] in repositories]
    for tag in ours:
        engine.untag(tag)
    return ours
