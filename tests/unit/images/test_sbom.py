"""Bills of materials, from what package managers leave in an image."""

import json
import os
import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from kolla.errors import InputError
from kolla.images import sbom
from kolla.images.contents import Contents
from kolla.images.installed import System, packages, system

from .conftest import FakeEngine

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.41-12)
Version: 2.41-12+b1
Description: GNU C Library
 Version: not a field
Depends: libgcc-s1

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: tool
Status: install ok installed
Architecture: all
Version: 1:2.0~rc1-1
"""

MACHINE_READABLE = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Files: *
License: LGPL-2.1+

Files: debian/*
License: GPL-2+
 The text.

License: LGPL-2.1+
 Its text.
"""

VENV = "/var/lib/kolla/venv/lib/python3.13/site-packages"

FILES = {
    "/usr/lib/os-release": 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nVERSION_ID="13"\n',
    "/var/lib/dpkg/status": STATUS,
    "/usr/share/doc/libc6-common/copyright": MACHINE_READABLE,
    "/usr/share/doc/tool/copyright": "The licence is in /usr/share/common-licenses/GPL-3.\n",
    "/usr/local/share/kolla/packages/base": f"tool=1:2.0~rc1-1 {'ab' * 32}\n",
    "/usr/local/share/kolla/packages/web": f"novnc=1:1.6-1 {'cd' * 32}\n",
    f"{VENV}/oslo.config-9.1.dist-info/METADATA": "Name: oslo.config\nVersion: 9.1\nLicense: Apache-2.0\n\nA",
    f"{VENV}/new-1.dist-info/METADATA": "Name: New\nVersion: 1\nLicense-Expression: MIT OR Apache-2.0\n\n",
    f"{VENV}/long-1.dist-info/METADATA": "Name: long\nVersion: 1\nLicense: All\n of this\n text\n\n",
    f"{VENV}/classified-1.dist-info/METADATA": (
        "Name: classified\nVersion: 1\nClassifier: License :: OSI Approved\n"
        "Classifier: License :: OSI Approved :: BSD License\nClassifier: Topic :: Internet\n\n"
    ),
    "/usr/lib/python3/dist-packages/PyYAML-6.0.egg-info/PKG-INFO": "Name: PyYAML\nVersion: 6.0\n\n",
    f"{VENV}/broken.dist-info/METADATA": "Nonsense",
}


@pytest.fixture
def contents() -> Contents:
    links = {"/usr/share/doc/libc6": "libc6-common", "/usr/share/doc/round": "round"}
    return Contents({path: text.encode() for path, text in FILES.items()}, links)


def test_what_is_installed(contents: Contents) -> None:
    assert system(contents) == System("debian", "13", "Debian GNU/Linux 13 (trixie)")
    found = {(package.kind, package.name): package for package in packages(contents)}
    assert {f"{kind} {name} {package.version}" for (kind, name), package in found.items()} == {
        "deb libc6 2.41-12+b1",
        "deb novnc 1:1.6-1",
        "deb tool 1:2.0~rc1-1",
        "pypi classified 1",
        "pypi long 1",
        "pypi new 1",
        "pypi oslo-config 9.1",
        "pypi pyyaml 6.0",
    }
    libc, tool, novnc = (found["deb", name] for name in ("libc6", "tool", "novnc"))
    assert (libc.source, libc.licenses, libc.sha256) == ("glibc@2.41-12", ("GPL-2+", "LGPL-2.1+"), "")
    assert (tool.source, tool.licenses, tool.sha256) == ("", ("GPL-3",), "ab" * 32)
    assert (novnc.architecture, novnc.sha256) == ("", "cd" * 32)
    assert found["pypi", "oslo-config"].licenses == ("Apache-2.0",)
    assert found["pypi", "new"].expression == "MIT OR Apache-2.0"
    assert found["pypi", "long"].licenses == ()
    assert found["pypi", "classified"].licenses == ("BSD License",)
    assert found["pypi", "pyyaml"].location == "/usr/lib/python3/dist-packages/PyYAML-6.0.egg-info"


def test_patches_are_those_of_what_the_virtual_environment_has(contents: Contents) -> None:
    place, metadata = "/var/lib/kolla/venv/patches", b"Name: PyYAML\nVersion: 7\n\n"
    more = {
        f"{VENV}/PyYAML-7.dist-info/METADATA": metadata,
        f"{place}/new+pyyaml/both.patch": b"--- a",
        f"{place}/pyyaml/own.patch": b"--- b",
    }
    bill = sbom.document("web", "f" * 64, Contents({**contents.files, **more}, contents.links))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
    found = {
        f"{component['name']} {component['version']}": [
            patch["diff"]["text"]["content"] for patch in component["pedigree"]["patches"]
        ]
        for component in bill["components"]
        if "pedigree" in component
    }
    assert found == {"new 1": ["--- a"], "pyyaml 7": ["--- a", "--- b"]}


def rpm_database(path: Path, *packages: dict[int, str | int]) -> bytes:
    """A database as rpm 4.18 writes it: tags by number, texts and numbers (rpm.org, file format v4)."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"
        )
        for package in packages:
            index, values = b"", b""
            for tag, value in package.items():
                if isinstance(value, int):
                    values += b"\0" * (-len(values) % 4)
                index += struct.pack(">4I", tag, 4 if isinstance(value, int) else 6, len(values), 1)
                values += struct.pack(">I", value) if isinstance(value, int) else value.encode() + b"\0"
            blob = struct.pack(">2I", len(package), len(values)) + index + values
            connection.execute("INSERT INTO Packages (blob) VALUES (?)", [blob])
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.read_bytes()


def test_what_rpm_installed(tmp_path: Path) -> None:
    bash = {1000: "bash", 1001: "5.2.26", 1002: "6.el10", 1014: "GPL-3.0-or-later", 1022: "x86_64"}
    bind = {1000: "bind", 1001: "9.18", 1002: "1.el10", 1003: 32, 1022: "noarch", 1044: "bind-9.18-1.src.rpm"}
    key = {1000: "gpg-pubkey", 1001: "1", 1002: "1"}
    database = rpm_database(tmp_path / "rpmdb.sqlite", bash, bind, key)
    files = {
        "/usr/lib/os-release": b'ID="rocky"\nVERSION_ID="10.0"\n',
        "/usr/lib/sysimage/rpm/rpmdb.sqlite": database,
        "/usr/local/share/kolla/packages/base": f"bind=32:9.18-1.el10 {'ab' * 32}\n".encode(),
    }
    bill = sbom.document("web", "f" * 64, Contents(files))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
    found = {component["name"]: component for component in bill["components"]}
    assert set(found) == {"rocky", "bash", "bind"}
    assert found["bash"]["purl"] == "pkg:rpm/rocky/bash@5.2.26-6.el10?arch=x86_64&distro=rocky-10.0"
    assert found["bash"]["licenses"] == [{"license": {"name": "GPL-3.0-or-later"}}]
    assert found["bind"]["version"] == "32:9.18-1.el10"
    assert found["bind"]["hashes"][0]["content"] == "ab" * 32
    assert found["bind"]["purl"] == (
        "pkg:rpm/rocky/bind@9.18-1.el10?arch=noarch&distro=rocky-10.0&epoch=32&upstream=bind-9.18-1.src.rpm"
    )


def test_what_is_no_rpm_database_has_no_packages() -> None:
    assert packages(Contents({"/var/lib/rpm/rpmdb.sqlite": b"nothing of that kind" * 100})) == []


def test_links_in_a_circle_lead_nowhere(contents: Contents) -> None:
    assert contents.text("/usr/share/doc/round/copyright") == ""


def test_the_bill_obeys_the_official_schema(contents: Contents) -> None:
    text = json.dumps(sbom.document("web", "f" * 64, contents))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    broken = text.replace('"library"', '"libraries"')
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(broken) is not None


def test_what_a_bill_says(contents: Contents) -> None:
    bill = sbom.document("web", "f" * 64, contents)
    components: dict[str, Any] = {component["name"]: component for component in bill["components"]}
    assert components["debian"]["type"] == "operating-system"
    assert components["libc6"]["purl"] == (
        "pkg:deb/debian/libc6@2.41-12%2Bb1?arch=amd64&distro=debian-13&upstream=glibc%402.41-12"
    )
    assert components["tool"]["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert components["oslo-config"]["purl"] == "pkg:pypi/oslo-config@9.1"
    assert bill["metadata"]["component"]["name"] == "web"
    assert set(bill["dependencies"][0]["dependsOn"]) == {c["bom-ref"] for c in bill["components"]}


def test_the_same_image_has_the_same_bill(contents: Contents) -> None:
    reverse = Contents(dict(reversed(contents.files.items())), contents.links)
    assert sbom.document("web", "f" * 64, contents) == sbom.document("web", "f" * 64, reverse)
    other = sbom.document("web", "e" * 64, contents)
    assert other["serialNumber"] != sbom.document("web", "f" * 64, contents)["serialNumber"]


def test_versions_of_a_bill(contents: Contents) -> None:
    found = sbom.versions(sbom.document("web", "f" * 64, contents))
    assert found["deb", "tool"] == ["1:2.0~rc1-1"]
    assert len(found) == 8


def test_bills_of_earlier_builds_are_kept_but_not_for_ever(tmp_path: Path, engine: FakeEngine) -> None:
    for number in range(sbom.KEPT + 5):
        bill = sbom.written(tmp_path, "web", f"{number:064x}"[::-1], "sha256:1", engine)
        os.utime(bill.path, (number, number))
    kept = list((tmp_path / "web").iterdir())
    assert len(kept) == sbom.KEPT
    assert bill.path in kept
    assert bill.path.stat().st_mode & 0o777 == 0o600


def test_the_bill_of_what_is_in_use_again_is_the_newest(tmp_path: Path, engine: FakeEngine) -> None:
    first, second = (sbom.written(tmp_path, "web", c * 64, "sha256:1", engine).path for c in "ab")
    for number, path in enumerate((first, second)):
        os.utime(path, (number, number))
    assert sbom.written(tmp_path, "web", "a" * 64, "sha256:1", engine).path == first
    assert first.stat().st_mtime_ns > second.stat().st_mtime_ns


def test_a_file_that_is_no_bill_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "no.cdx.json"
    with pytest.raises(InputError, match="cannot be read"):
        sbom.load(path)
    for text in ("", "[]", '{"bomFormat": "SPDX"}'):
        path.write_text(text)
        with pytest.raises(InputError, match="not a bill of materials"):
            sbom.load(path)
