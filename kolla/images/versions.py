"""Which of two versions is the newer one, by the rules of the packages they are of."""

from __future__ import annotations

import re
from typing import Any, Literal

Kind = Literal["deb", "rpm", "pypi"]
"""Whose packages they are, as package URLs name it."""


def sort_key(kind: Kind, version: str) -> Any:
    """What versions of one kind are compared by; equal for versions that mean the same.

    A Python version that PEP 440 does not know comes before all others.
    """
    if kind == "pypi":
        return _python(version)
    return _deb(version) if kind == "deb" else _rpm(version)


def _parts(version: str) -> tuple[int, str, str]:
    """Epoch, version and revision of `[epoch:]version[-revision]`."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    main, dash, revision = rest.rpartition("-")
    return int(epoch), main if dash else rest, revision if dash else ""


def _deb(version: str) -> Any:
    """By deb-version(7): `[epoch:]upstream[-revision]`."""
    epoch, upstream, revision = _parts(version)
    return epoch, _deb_part(upstream), _deb_part(revision)


def _deb_part(text: str) -> list[tuple[tuple[int, ...], int]]:
    """Texts and numbers in turns. In texts `~` sorts before the end, letters before everything else."""
    pairs = [
        ((*map(_deb_rank, letters), 0), int(digits or 0))
        for letters, digits in re.findall(r"(\D*)(\d*)", text)
    ]
    while pairs and pairs[-1] == _DEB_END:
        pairs.pop()
    return [*pairs, _DEB_END]


_DEB_END = ((0,), 0)


def _deb_rank(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


def _rpm(version: str) -> Any:
    """By rpm-version(7): `[epoch:]version[-release]`; no release sorts before any."""
    epoch, number, release = _parts(version)
    return epoch, _rpm_part(number), _rpm_part(release)


def _rpm_part(text: str) -> list[tuple[int, Any]]:
    """`~` sorts before the end, `^` right after it, then letters, then numbers; the rest only separates."""
    found: list[tuple[int, Any]] = []
    for token in re.findall(r"[0-9]+|[A-Za-z]+|[~^]", text):
        if token in "~^":
            found.append((-1, "") if token == "~" else (1, ""))
        else:
            found.append((3, int(token)) if token.isdigit() else (2, token))
    return [*found, (0, "")]


def _python(version: str) -> Any:
    from packaging.version import InvalidVersion, Version

    try:
        return 1, Version(version), ""
    except InvalidVersion:
        return 0, Version("0"), version
