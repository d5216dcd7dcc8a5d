"""OpenStack from the distribution's packages, and from PyPI in every release: is what runs there?"""

from collections.abc import Callable

import pytest

from kolla.build_report import BuildReport
from kolla.catalogue import loader

from . import entry_points
from .conftest import Image, Workshop

Open = Callable[[BuildReport, str], Image]

CORE = (
    "glance-api",
    "keystone",
    "neutron",
    "neutron-metadata-agent",
    "nova",
    "nova-novncproxy",
    "placement-api",
)
BINARY = {"kolla_install_type": "binary", "openstack_release": "2025.1"}


def missing(image: Image, name: str) -> str:
    wanted = entry_points.of(loader.load(), name)
    assert wanted.programs
    return image.run(wanted.script)


@pytest.fixture(scope="module")
def binary(workshop: Workshop) -> BuildReport:
    workshop.describe("  workpiece: {}\n")
    return workshop.build("keystone", "nova-novncproxy", **BINARY)


def test_debians_own_openstack_has_what_runs(binary: BuildReport, image: Open) -> None:
    for name in ("keystone", "nova", "nova-novncproxy"):
        assert missing(image(binary, name), name) == ""


def test_users_are_ours_and_nothing_is_set_up(binary: BuildReport, image: Open) -> None:
    nova = image(binary, "nova")
    assert nova.run("id -u nova").strip() == "42436"
    assert nova.run("readlink /etc/nova/api-paste.ini").strip() == "/usr/share/nova-common/api-paste.ini"
    assert nova.run("ls /etc/nova /etc/sudoers.d").split() == [
        "/etc/nova:",
        "api-paste.ini",
        "/etc/sudoers.d:",
        "README",
    ]
    assert nova.run("find / -xdev -name sudo -perm -4000").strip() == ""
    assert nova.run("ls /var/lib/nova").split() == ["tmp"]
    assert nova.run("ls /var/lib/dbconfig-common 2>/dev/null; find /var/lib -name '*.sqlite'").strip() == ""


def test_uwsgi_loads_the_plugin_of_the_distribution(binary: BuildReport, image: Open) -> None:
    template = loader.load().folders["base"].path / "config" / "uwsgi.ini.j2"
    lines = template.read_text().splitlines()
    start, end = lines.index("plugin = python3") - 1, lines.index("endif =") + 1
    settings = ["[uwsgi]", *lines[start:end], "module = wsgiref.simple_server:demo_app", "need-app = true"]
    text = "\\n".join([*settings, "http-socket = 127.0.0.1:8000", "die-on-term = true"])
    command = f"printf '{text}\\n' >/tmp/uwsgi.ini; timeout -k 5 5 uwsgi --ini /tmp/uwsgi.ini 2>&1 || true"
    assert "WSGI app 0" in image(binary, "keystone").run(command)


@pytest.mark.long
@pytest.mark.parametrize("release", ["2025.1", "2025.2", "2026.1", "2026.2"])
def test_every_release_from_source_has_what_runs(workshop: Workshop, image: Open, release: str) -> None:
    workshop.describe("  workpiece: {}\n")
    report = workshop.build(*CORE, openstack_release=release)
    for name in CORE:
        assert missing(image(report, name), name) == ""
