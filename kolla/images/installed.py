"""Which packages are installed in an image, by what package managers wrote down there. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser

from kolla.images import rpm
from kolla.images.contents import (
    DOCUMENTATION,
    DPKG_STATUS,
    OS_RELEASE,
    PATCHES,
    PYTHON_METADATA,
    RPM_DATABASES,
    Contents,
)
from kolla.images.packages import LIST_DIRECTORY
from kolla.images.requirements import PATCHED_TOGETHER, normalise
from kolla.images.versions import Kind


@dataclass(frozen=True, order=True)
class Package:
    """A package of a distribution, or a Python distribution."""

    kind: Kind
    name: str
    version: str
    architecture: str = ""
    source: str = ""
    """`name` or `name@version` of the source package it was built from, when they differ from its own."""
    licenses: tuple[str, ...] = ()
    """As the package names them."""
    expression: str = ""
    """Its licence as an SPDX expression, when it says so itself."""
    sha256: str = ""
    """Of the archive it was installed from."""
    location: str = ""
    """The directory that describes it, of a Python distribution."""
    patches: tuple[str, ...] = ()
    """What it was changed by since it was installed from there, as `diff -u` writes it."""


@dataclass(frozen=True)
class System:
    """The distribution of an image, by its os-release(5)."""

    id: str = ""
    """`debian`."""
    version: str = ""
    title: str = ""


def system(contents: Contents) -> System:
    """What the image says it is."""
    fields = dict(re.findall(r'(?m)^(\w+)="?([^"\n]*)"?$', contents.text(OS_RELEASE)))
    return System(fields.get("ID", ""), fields.get("VERSION_ID", ""), fields.get("PRETTY_NAME", ""))


def packages(contents: Contents) -> list[Package]:
    """All of them, sorted, each once."""
    found = [*_deb(contents), *_rpm(contents), *_python(contents)]
    return sorted(set(found))


def _deb(contents: Contents) -> Iterator[Package]:
    if DPKG_STATUS not in contents.files:
        return
    archives = dict(_archives(contents))
    for stanza in contents.text(DPKG_STATUS).split("\n\n"):
        fields = dict(re.findall(r"(?m)^([A-Za-z-]+): (.*)$", stanza))
        if not fields.get("Status", "").endswith(" installed"):
            continue
        name, version = fields["Package"], fields["Version"]
        yield Package(
            kind="deb",
            name=name,
            version=version,
            architecture=fields["Architecture"],
            source=_source(fields.get("Source", "")),
            licenses=_debian_licenses(contents.text(f"{DOCUMENTATION}/{name}/copyright")),
            sha256=archives.pop(f"{name}={version}", ""),
        )
    for pin, sha256 in archives.items():  # of these only the files were taken: dpkg never heard of them
        name, _, version = pin.partition("=")
        yield Package(kind="deb", name=name, version=version, sha256=sha256)


def _rpm(contents: Contents) -> Iterator[Package]:
    archives = dict(_archives(contents))
    databases = [contents.files[path] for path in RPM_DATABASES if path in contents.files]
    for header in (header for database in databases for header in rpm.installed(database)):
        epoch = f"{header['epoch']}:" if "epoch" in header else ""
        version = f"{epoch}{header['version']}-{header['release']}"
        yield Package(
            kind="rpm",
            name=header["name"],
            version=version,
            architecture=header.get("arch", ""),
            source=header.get("sourcerpm", ""),
            licenses=(header["license"],) if "license" in header else (),
            sha256=archives.get(f"{header['name']}={version}", ""),
        )


def _archives(contents: Contents) -> Iterator[tuple[str, str]]:
    """`name=version` -> SHA-256, of what the image and its parents were built with."""
    for path in contents.below(LIST_DIRECTORY):
        for line in contents.text(path).splitlines():
            pin, _, sha256 = line.partition(" ")
            yield pin, sha256


def _source(field: str) -> str:
    """`glibc`, or `glibc (2.41-12)`."""
    return re.sub(r" \((.*)\)$", r"@\1", field)


def _debian_licenses(copyright_file: str) -> tuple[str, ...]:
    """Names of licences in a copyright file: those of its `License` fields when it is in the format for
    machines (DEP 5), else those whose text the distribution keeps and it points to."""
    if re.match(r"Format(-Specification)?:", copyright_file):
        named = re.findall(r"(?m)^License:[ \t]*(\S.*?)[ \t]*$", copyright_file)
    else:
        named = re.findall(r"/usr/share/common-licenses/([A-Za-z][\w.+-]*\w)", copyright_file)
    return tuple(sorted(set(named)))


def _python(contents: Contents) -> Iterator[Package]:
    patches = _patches(contents)
    for path in contents.files:
        if not PYTHON_METADATA.search(path):
            continue
        metadata = HeaderParser().parsestr(contents.text(path))
        if not metadata["Name"] or not metadata["Version"]:
            continue
        name, expression = normalise(metadata["Name"]), metadata.get("License-Expression", "")
        patched = path.startswith(f"{posixpath.dirname(PATCHES)}/")
        yield Package(
            kind="pypi",
            name=name,
            version=metadata["Version"],
            licenses=() if expression else _python_licenses(metadata),
            expression=expression,
            location=PYTHON_METADATA.sub(lambda found: found[0].partition("/")[0], path),
            patches=tuple(patches.get(name, ())) if patched else (),
        )


def _patches(contents: Contents) -> dict[str, list[str]]:
    """Distribution of the virtual environment -> what it was patched with."""
    found: dict[str, list[str]] = {}
    for path in contents.below(PATCHES):
        for name in posixpath.basename(posixpath.dirname(path)).split(PATCHED_TOGETHER):
            found.setdefault(name, []).append(contents.text(path))
    return found


def _python_licenses(metadata: Message) -> tuple[str, ...]:
    """Licences of classifiers (the last part: `Apache Software License`), else the field, unless that is
    the licence's whole text."""
    classifiers, named = metadata.get_all("Classifier", []), metadata["License"]
    found = {c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License :: ")} - {"OSI Approved"}
    if not found and named and "\n" not in named and named.strip() not in ("", "UNKNOWN"):
        found = {named.strip()}
    return tuple(sorted(found))
