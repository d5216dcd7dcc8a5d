"""Finding the bills of materials that somebody asks about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kolla.build_report import BuildReport
from kolla.errors import InputError
from kolla.images import contents, sbom
from kolla.images.engine import connect
from kolla.images.options import Options
from kolla.images.scan_diff import Installed
from kolla.places import Places

CURRENT, PREVIOUS = "current", "previous"
"""Words for what `build.json` says, and for the build of each image before that."""


def find(asked: str, options: Options, state_directory: Path) -> dict[str, Installed]:
    """Image -> the packages in it.

    `asked` is a build report or the directory it is in; a bill, or a directory of bills; `current` or
    `previous`; the reference of one image; or a tag, which means every image of the last build that the
    engine has under this tag. InputError when it is nothing of that.
    """
    path = Path(asked)
    if asked in (CURRENT, PREVIOUS):
        bills = _recorded(Places(state_directory).build_report, previous=asked == PREVIOUS)
    elif path.is_dir():
        report = path / "build.json"
        bills = _recorded(report) if report.exists() else _all(path.glob(f"**/*{sbom.SUFFIX}"))
    elif path.is_file():
        bills = _all([path]) if path.name.endswith(sbom.SUFFIX) else _recorded(path)
    else:
        bills = _tagged(asked, options, state_directory)
    if not bills:
        raise InputError(
            f"there is no bill of materials for '{asked}'",
            expected="a build.json, a bill or a directory of them, a tag or an image of the engine, "
            f"'{CURRENT}' or '{PREVIOUS}'",
        )
    return {name: sbom.versions(bill) for name, bill in sorted(bills.items())}


def _all(paths: Any) -> dict[str, Mapping[str, Any]]:
    bills = [sbom.load(path) for path in sorted(paths)]
    return {str(bill["metadata"]["component"]["name"]): bill for bill in bills}


def _recorded(path: Path, *, previous: bool = False) -> dict[str, Mapping[str, Any]]:
    """Bills that a build report names, or those made before them."""
    found: dict[str, Mapping[str, Any]] = {}
    for name, image in BuildReport.load(path).images.items():
        bill = path.parent / image.sbom if image.sbom else None
        if bill is not None and previous:
            others = [other for other in bill.parent.glob(f"*{sbom.SUFFIX}") if other != bill]
            bill = max(others, key=lambda other: other.stat().st_mtime_ns, default=bill)
        if bill is not None:
            found[name] = sbom.load(bill)
    return found


def _tagged(asked: str, options: Options, state_directory: Path) -> dict[str, Mapping[str, Any]]:
    """Bills of images the engine has, read from them where there is none; and of those it had once."""
    references = {asked: _name(asked, options)}
    if not re.search("[/:@]", asked):
        report = BuildReport.load(Places(state_directory).build_report)
        repositories = {name: options.reference(name).rpartition(":")[0] for name in report.images}
        references = {f"{repository}:{asked}": name for name, repository in repositories.items()}
    engine = connect(options.engine)
    ids = {tag: image for image, tags in engine.images().items() for tag in tags}
    found: dict[str, Mapping[str, Any]] = {}
    for reference, name in references.items():
        kept = sbom.path_of(Places(state_directory).bills, name, reference.rpartition("-")[2])
        if kept.exists():
            found[name] = sbom.load(kept)
        elif reference in ids:
            image = ids[reference]
            found[name] = sbom.document(name, image, contents.read(engine, image))
    return found


def _name(reference: str, options: Options) -> str:
    """The image that a reference names: one of ours without the prefix that all of them have."""
    repository, slash, last = reference.partition("@")[0].rpartition("/")
    full = f"{repository}{slash}{last.partition(':')[0]}"
    ours = options.reference("").rpartition(":")[0]
    return full.removeprefix(ours).rpartition("/")[2]
