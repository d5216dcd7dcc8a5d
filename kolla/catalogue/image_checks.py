"""What a single `service.yml` cannot know of its images: the graph they make, the distributions there are."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.distribution import WITHOUT, superfluous
from kolla.errors import InputError, did_you_mean


def check(catalogue: Catalogue) -> Iterator[InputError]:
    """Everything wrong with the images of all services."""
    yield from _roots(catalogue)
    yield from _cycles(catalogue)
    yield from _superfluous(catalogue)


def _roots(catalogue: Catalogue) -> Iterator[InputError]:
    """Images without a parent, besides the first: the base system is made once, for one image."""
    roots = [
        (folder, name)
        for folder in catalogue.folders.values()
        for name, image in folder.service.images.items()
        if image.parent is None
    ]
    for folder, name in roots[1:]:
        yield InputError(
            f"image '{name}' has no parent, and neither has '{roots[0][1]}'",
            where=catalogue.where(folder.name, "images", name, "parent"),
            expected="one image without a parent",
            hint="leave 'parent' out for the usual one",
        )


def _cycles(catalogue: Catalogue) -> Iterator[InputError]:
    """Images that are, over some steps, built from themselves."""
    needs = {
        name: {image.parent or "", *image.copies.values()}
        for f in catalogue.folders.values()
        for name, image in f.service.images.items()
    }
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1][::-1]  # graphlib names the predecessor first
        folder, _ = catalogue.image(cycle[0])
        yield InputError(
            f"an image is built from itself: {' -> '.join(cycle)}",
            where=catalogue.where(folder.name, "images", cycle[0]),
        )


def _superfluous(catalogue: Catalogue) -> Iterator[InputError]:
    """Packages taken away (`-NAME`) that no farther name of a distribution gave."""
    for folder in catalogue.folders.values():
        for name, image in folder.service.images.items():
            for words, lists in image.package_lists():
                given = {entry for entries in lists.values() for entry in entries if entry[0] != WITHOUT}
                for place, entry in superfluous(lists):
                    yield InputError(
                        f"'{entry}' takes away a package that '{name}' does not have on {place}",
                        where=catalogue.where(folder.name, "images", name, *words, place),
                        expected="one that a farther name gives",
                        hint=did_you_mean(entry, [f"{WITHOUT}{package}" for package in given]),
                    )
