"""Removing what was built: from the engine, and what is kept here that speaks of it."""

from __future__ import annotations

import shutil

from kolla.build_report import BuildReport
from kolla.images.engine import connect
from kolla.places import Places


def remove(report: BuildReport, places: Places, engine_name: str) -> list[str]:
    """Remove every tag of every image the report names, those of earlier builds too; what was removed.

    Then the report goes, with its signatures, the bills of materials and the schemas. Locks stay, and the
    base they are for: a later build makes the same images. An image that a container still uses loses its
    name and stays. KollaError without an engine.
    """
    engine = connect(engine_name)
    repositories = {
        image.reference.rpartition(":")[0] for image in report.images.values() if image.reference is not None
    }
    tags = sorted(tag for tags in engine.images().values() for tag in tags)
    ours = [tag for tag in tags if tag.rpartition(":")[0] in repositories]
    for tag in ours:
        engine.untag(tag)
    shutil.rmtree(places.bills, ignore_errors=True)
    shutil.rmtree(places.schemas, ignore_errors=True)
    shutil.rmtree(places.origin, ignore_errors=True)
    places.build_signature.unlink(missing_ok=True)
    places.build_report.unlink(missing_ok=True)
    return ours
