"""Why an image must be built, in words: what differs between what went in then and what would now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kolla.build_report import BuiltImage, InputHashes

UNCHANGED = "unchanged"
TAKEN = "taken as it is"
AGAIN = "built earlier from the same"
FIRST = "first build"
REFRESHED = "packages refreshed"
GONE = "the image is gone from the engine"
UNRECORDED = "the last build did not record what went in"
NO_BASE = "the base system is made in another way"

MOST_NAMED = 3
"""Differences of one kind that are named; of more, only how many."""


def why(now: InputHashes, earlier: BuiltImage | None, *, present: bool, refresh: bool = False) -> str:
    """The reason to build an image, empty when there is none.

    `earlier` is what the last build made of it, `present` whether the engine still has that, `refresh`
    whether the operator asked for the newest packages.
    """
    if earlier is None or earlier.id is None:
        return FIRST
    if refresh:
        return REFRESHED
    if earlier.inputs is None:
        return UNRECORDED
    changes = list(differences(earlier.inputs, now, earlier.parent))
    if changes:
        return ", ".join(changes)
    return "" if present else GONE


def again(reason: str) -> str:
    """Why an image need not be built though there is a reason to: an earlier build made it."""
    return AGAIN if reason == FIRST else f"{reason}; {AGAIN}"


def differences(before: InputHashes, after: InputHashes, parent: str | None) -> Iterator[str]:
    """What differs, most telling first. A library that changed is named once, not also as the file that
    lists it and the wheel that holds it."""
    if before.dockerfile != after.dockerfile:
        yield "Dockerfile changed"
    libraries = list(_versions(before.python, after.python))
    yield from _most(libraries, "other Python distributions")
    files = _keys(before.files, after.files)
    if libraries:
        files.pop(REQUIREMENTS, None)
    yield from _most([f"{_file(path)} {change}" for path, change in files.items()], "other files")
    for name in _keys(before.images, after.images):
        if name == parent:
            yield f"parent {name} changed"
        elif not libraries:
            yield f"image {name} changed"
    if before.packages != after.packages:
        yield "package lock changed"


REQUIREMENTS = "build/requirements.txt"
"""Where a build context lists the distributions of the Python environment."""


def _versions(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name, change in _keys(before, after).items():
        yield f"{name} {before[name]} -> {after[name]}" if change == "changed" else f"{name} {change}"


def _keys(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Key -> what happened to it, for those to which something did."""
    words = {(True, True): "changed", (False, True): "added", (True, False): "removed"}
    return {
        key: words[key in before, key in after]
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    }


def _file(path: str) -> str:
    if path == "rootfs.tar":
        return "base system"
    return f"file {path.removeprefix('root')}"


def _most(sentences: list[str], others: str) -> Iterator[str]:
    if len(sentences) <= MOST_NAMED:
        yield from sentences
        return
    yield from sentences[: MOST_NAMED - 1]
    yield f"{len(sentences) - MOST_NAMED + 1} {others}"
