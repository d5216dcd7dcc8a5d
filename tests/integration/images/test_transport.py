"""Mirrors, proxies, indexes and certificates are used, and no image remembers them."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kolla.build_report import BuildReport
from kolla.images.requirements import Lock

from .conftest import Image, Mirror, Workshop

MARK = "this line marks the certificates of the test"
PASSWORDS = ("mirror-word", "name:word", "index-word")
DISTRIBUTIONS = ("pymysql", "simplegeneric", "setuptools", "wheel", "uv")
"""All that the lock has here: wheels of the index, a source that is built, and what these are built with."""

IMAGES = ("base", "builder", "wheelhouse", "openstack-base", "remote")


@pytest.fixture(scope="module")
def report(workshop: Workshop, mirror: Mirror, tmp_path_factory: pytest.TempPathFactory) -> BuildReport:
    """An image with packages and a Python environment, built through settings we can recognise."""
    bundle = tmp_path_factory.mktemp("ca") / "ca.pem"
    given = str(workshop.settings.get("extra_ca_certificates") or "")
    bundle.write_text(f"{MARK}\n{Path(given).read_text() if given else ''}")
    workshop.describe("  remote: {parent: openstack-base, packages: {debian: [bc]}, python: [PyMySQL]}\n")
    lock = Lock.load("2026.1", "debian-13").requirements
    cut = tmp_path_factory.mktemp("lock") / "cut.txt"
    cut.write_text("".join(f"{lock[name].hashed}\n" for name in DISTRIBUTIONS))
    index = urlsplit(str(workshop.settings.get("pypi_index_url") or "https://pypi.org/simple"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kolla.images.requirements.lock_path", lambda release, base: cut)
        return workshop.build(
            *IMAGES,
            refresh=True,
            debian_mirror=f"http://reader:mirror-word@{mirror.address}/debian",
            debian_security_mirror=f"http://reader:mirror-word@{mirror.address}/debian-security",
            build_http_proxy=f"http://name:word@{mirror.address}",
            build_https_proxy="",
            pypi_index_url=index._replace(netloc=f"reader:index-word@{index.hostname}").geturl(),
            extra_ca_certificates=str(bundle),
        )


def test_the_settings_are_used(report: BuildReport, mirror: Mirror) -> None:
    assert {report.image(name).status for name in IMAGES} == {"built"}
    assert any("/bc/bc_" in path for path in mirror.asked)
    assert any(path.startswith("http://") for path in mirror.asked), "the proxy was asked"


@pytest.mark.parametrize("name", IMAGES)
def test_no_image_remembers_them(
    report: BuildReport, mirror: Mirror, name: str, image: Callable[[BuildReport, str], Image]
) -> None:
    shipped = image(report, name).all_text()
    for secret in (mirror.address, MARK, *PASSWORDS):
        assert secret.encode() not in shipped, secret


def test_nothing_that_is_kept_of_a_build_holds_a_password(report: BuildReport, workshop: Workshop) -> None:
    kept = [path for path in workshop.state.rglob("*") if path.is_file()]
    assert {"build.json", "remote.log", "base.log", "packages-debian-13.json"} <= {path.name for path in kept}
    for path in kept:
        content = path.read_bytes()
        assert [word for word in (MARK, *PASSWORDS) if word.encode() in content] == [], path
    told = repr(workshop.events)
    assert [word for word in PASSWORDS if word in told] == []


def test_runtime_images_hold_no_tools(
    report: BuildReport, image: Callable[[BuildReport, str], Image]
) -> None:
    seen = image(report, "remote")
    assert seen.run("command -v gcc cc make pip pip3 uv || true") == ""
    assert seen.run("ls -d /usr/include/python3* /wheels /opt/tools 2>/dev/null || true") == ""
    assert seen.run("python3 -c 'import pymysql, sys; print(sys.prefix)'") == "/var/lib/kolla/venv\n"
    assert seen.run("find /var/lib/kolla/venv -path '*pymysql*' -name '*.pyc' | head -1") != ""
