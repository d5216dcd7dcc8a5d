"""The bill of materials of a real image, beside what its own programs say."""

import hashlib
import json

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from kolla.images import sbom
from kolla.images.options import Options
from kolla.images.scan_diff import changes
from kolla.images.scans import find

from .conftest import Workshop
from .test_build import Open

DOCKERFILE = """\
{% extends "image.Dockerfile.j2" %}
{% block after %}
RUN python3 -m venv --without-pip /var/lib/kolla/venv && \\
    site=$(echo /var/lib/kolla/venv/lib/python3*/site-packages) && \\
    mkdir $site/Zope.Thing-5.0.dist-info && \\
    printf 'Metadata-Version: 2.4\\nName: Zope.Thing\\nVersion: 5.0\\nLicense-Expression: MIT\\n' \\
        >$site/Zope.Thing-5.0.dist-info/METADATA
{% endblock %}
"""

LIST = """\
import importlib.metadata as m, re
for d in m.distributions(): print(re.sub('[-_.]+', '-', d.name).lower(), d.version)
"""


def test_a_bill_lists_what_is_in_the_image(workshop: Workshop, image: Open) -> None:
    workshop.describe(
        "  stocked:\n"
        "    packages: {debian: [python3-venv, python3-packaging]}\n"
        "    unpacked: {debian: [novnc]}\n"
        "    dockerfile: stocked.Dockerfile.j2\n"
    )
    workshop.file("stocked.Dockerfile.j2", DOCKERFILE)
    report = workshop.build("stocked")
    built = report.image("stocked")
    assert built.sbom is not None
    text = (workshop.state / built.sbom).read_text()
    assert hashlib.sha256(text.encode()).hexdigest() == built.sbom_sha256
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None

    inside = image(report, "stocked")
    dpkg = inside.run("dpkg-query --show --showformat '${Package} ${Version}\\n'").splitlines()
    python = inside.run(f'for p in python3 /var/lib/kolla/venv/bin/python; do $p -c "{LIST}"; done')
    bill = json.loads(text)
    found = {kind: set[str]() for kind in ("deb", "pypi")}
    for (kind, name), versions in sbom.versions(bill).items():
        found[kind] |= {f"{name} {version}" for version in versions}
    (novnc,) = found["deb"] - set(dpkg)
    assert novnc.startswith("novnc ")
    assert found["deb"] - {novnc} == set(dpkg)
    assert found["pypi"] == set(python.splitlines())
    assert {"zope-thing 5.0"} < found["pypi"]

    by_name = {component["name"]: component for component in bill["components"]}
    assert all("licenses" in by_name[name] for name in ("dpkg", "zope-thing", "python3-packaging"))
    assert "hashes" in by_name["python3-venv"]
    workshop.state.joinpath(built.sbom).unlink()
    again = workshop.build("stocked").image("stocked")
    assert (again.status, again.sbom_sha256) == ("unchanged", built.sbom_sha256)
    assert workshop.state.joinpath(built.sbom).read_text() == text


def test_what_changed_between_two_builds_is_listed(workshop: Workshop) -> None:
    workshop.describe("  shelf: {packages: {debian: [jq]}}\n")
    before = workshop.build("shelf").image("shelf")
    workshop.describe("  shelf: {packages: {debian: [bc]}}\n")
    after = workshop.build("shelf").image("shelf")
    settings, _ = workshop.load()
    options = Options.of(settings)
    assert before.reference and after.reference
    for old, new in ((before.reference, after.reference), ("previous", "current")):
        found = [find(asked, options, workshop.state)["shelf"] for asked in (old, new)]
        told = {(change.what, change.name) for change in changes(*found)}
        assert {("added", "bc"), ("removed", "jq")} <= told
        assert {what for what, _ in told} == {"added", "removed"}
