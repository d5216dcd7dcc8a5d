"""Patches of a service's own, for what its images have from PyPI."""

import json
from collections.abc import Callable

from kolla.build_report import BuildReport

from .conftest import Image, Workshop

Open = Callable[[BuildReport, str], Image]

LIBRARY = """\
  library:
    parent: openstack-base
    packages: {debian: [bc]}
    python: [pbr]
    patches: {mend.patch: {pbr: ">=1"}}
"""
MEND = """\
Says what was mended.

--- a/pbr/__init__.py
+++ b/pbr/__init__.py
@@ -0,0 +1 @@
+MENDED = True
"""
ASK = "/var/lib/kolla/venv/bin/python -c 'import pbr; print(pbr.MENDED)'"


def test_what_a_patch_says_is_in_the_image(workshop: Workshop, image: Open) -> None:
    workshop.file("mend.patch", MEND)
    workshop.describe(LIBRARY)
    report = workshop.build("library")
    assert report.images["library"].status == "built"
    assert image(report, "library").run(ASK) == "True\n"
    bill = workshop.state / str(report.images["library"].sbom)
    (pbr,) = (each for each in json.loads(bill.read_text())["components"] if "pedigree" in each)
    assert (pbr["name"], pbr["pedigree"]["patches"][0]["diff"]["text"]["content"]) == ("pbr", MEND)


def test_one_that_does_not_fit_fails_the_build_and_says_so(workshop: Workshop) -> None:
    workshop.file("mend.patch", MEND.replace("@@ -0,0 +1 @@", "@@ -1,1 +1,2 @@\n nothing like it"))
    workshop.describe(LIBRARY)
    assert workshop.build("library").images["library"].status == "failed"
    said = ["\n".join(event.log) for event in workshop.events if event.status == "failed"]
    assert any("kolla: patch mend.patch does not fit" in log for log in said)
