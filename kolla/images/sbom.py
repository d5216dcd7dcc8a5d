"""The bill of materials of an image in CycloneDX 1.6, and reading one.

The same image gives the same bytes: the serial number is made from its identity, and there is no time.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kolla import __version__
from kolla.errors import InputError, Location
from kolla.images import contents, installed
from kolla.images.engine import Engine
from kolla.images.installed import Package, System
from kolla.images.versions import Kind
from kolla.places import write_private

if TYPE_CHECKING:
    from packageurl import PackageURL

SUFFIX = ".cdx.json"
KEPT = 20
"""Bills of earlier builds kept for each image."""

_NAMESPACE = uuid.UUID("5a4e2c0e-8d3f-5d4c-9b1f-6f0f4a1c7e57")
"""Makes serial numbers ours; a number like any other."""


@dataclass(frozen=True)
class Bill:
    """A bill of materials that was written."""

    path: Path
    sha256: str


def path_of(directory: Path, name: str, identity: str) -> Path:
    """Where the bill of an image of this identity is, below the directory of all bills."""
    return directory / name / f"{identity[:12]}{SUFFIX}"


def written(directory: Path, name: str, identity: str, image: str, engine: Engine) -> Bill:
    """The bill of an image, made when there is none of this identity yet; of those that are kept it is the
    newest then. KollaError when the engine cannot read the image."""
    path = path_of(directory, name, identity)
    if path.exists():
        os.utime(path)
    else:
        text = json.dumps(document(name, identity, contents.read(engine, image)), indent=1) + "\n"
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(path, text)
        for old in sorted(path.parent.glob(f"*{SUFFIX}"), key=lambda p: p.stat().st_mtime_ns)[:-KEPT]:
            old.unlink()
    return Bill(path, hashlib.sha256(path.read_bytes()).hexdigest())


def document(name: str, identity: str, files: contents.Contents) -> dict[str, Any]:
    """The bill of image `name`, by what its files say."""
    system, packages = installed.system(files), installed.packages(files)
    image = {"type": "container", "bom-ref": "image", "name": name, "version": identity}
    components = [_system(system), *(_component(package, system) for package in packages)]
    references = [component["bom-ref"] for component in components]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{name} {identity}')}",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "kolla", "version": __version__}]},
            "component": image,
        },
        "components": components,
        "dependencies": [{"ref": "image", "dependsOn": references}],
    }


def load(path: Path) -> dict[str, Any]:
    """Read a bill; InputError when there is none, or it is not one."""
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        message = f"a bill of materials cannot be read: {error.strerror}"
        raise InputError(message, where=Location(path)) from None
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("bomFormat") != "CycloneDX":
        raise InputError("not a bill of materials", where=Location(path), expected="CycloneDX as JSON")
    return found


def versions(bill: Mapping[str, Any]) -> dict[tuple[Kind, str], list[str]]:
    """Package -> its versions in a bill: more than one when it is there several times."""
    from packageurl import PackageURL

    found: dict[tuple[Kind, str], list[str]] = {}
    for component in bill.get("components", ()):
        if "purl" in component:
            kind: Any = PackageURL.from_string(component["purl"]).type
            found.setdefault((kind, component["name"]), []).append(component["version"])
    return found


def _system(system: System) -> dict[str, Any]:
    found = {"type": "operating-system", "bom-ref": "system", "name": system.id, "version": system.version}
    return {**found, "description": system.title}


def _component(package: Package, system: System) -> dict[str, Any]:
    purl = _purl(package, system).to_string()
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"{purl}#{package.location}" if package.location else purl,
        "name": package.name,
        "version": package.version,
        "purl": purl,
    }
    if package.sha256:
        found["hashes"] = [{"alg": "SHA-256", "content": package.sha256}]
    if package.expression:
        found["licenses"] = [{"expression": package.expression}]
    elif package.licenses:
        found["licenses"] = [{"license": {"name": license}} for license in package.licenses]
    if package.patches:
        diffs = [{"type": "unofficial", "diff": {"text": {"content": patch}}} for patch in package.patches]
        found["pedigree"] = {"patches": diffs}
    if package.location:
        found["evidence"] = {"occurrences": [{"location": package.location}]}
    return found


def _purl(package: Package, system: System) -> PackageURL:
    """The package URL; `upstream` is how scanners of vulnerabilities are told the source package."""
    from packageurl import PackageURL  # takes 20 ms, which a build that has nothing to do can save

    if package.kind == "pypi":
        return PackageURL("pypi", None, package.name, package.version)
    qualifiers = {
        "arch": package.architecture,
        "distro": f"{system.id}-{system.version}",
        "upstream": package.source,
    }
    version = package.version
    if package.kind == "rpm":
        qualifiers["epoch"], _, version = version.rpartition(":")
    return PackageURL(package.kind, system.id, package.name, version, qualifiers)
