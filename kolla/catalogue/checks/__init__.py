"""What a single `service.yml` cannot know: names that must exist, and names two services both claim."""

from __future__ import annotations

from collections.abc import Iterator

from kolla.catalogue import image_checks, sets
from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.checks import conflicts, cycles, files, references, rules
from kolla.errors import InputError


def check(catalogue: Catalogue) -> Iterator[InputError]:
    """Every wrong reference and every conflict between services."""
    for folder in catalogue.folders.values():
        yield from references.unknown_names(catalogue, folder.service)
        yield from rules.broken(catalogue, folder)
        yield from files.missing(catalogue, folder)
        yield from cycles.of_parts(catalogue, folder.service)
    yield from image_checks.check(catalogue)
    yield from sets.check(catalogue)
    yield from cycles.of_groups(catalogue)
    yield from conflicts.between_services(catalogue)
