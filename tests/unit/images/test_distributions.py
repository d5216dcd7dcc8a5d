"""Every image of the catalogue on every distribution there is."""

from pathlib import Path

import pytest

from kolla.catalogue import distribution
from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.distribution import Distribution
from kolla.errors import InputError
from kolla.images import bootstrap_apt, bootstrap_dnf
from kolla.images.graph import Graph
from kolla.images.inputs import Inputs
from kolla.images.options import Options, Transport
from kolla.images.requirements import Lock
from kolla.images.transport import dnf_conf, secrets

from .conftest import MakeCatalogue

UBUNTU, ROCKY = Distribution.named("ubuntu", "24.04"), Distribution.named("rocky", "10")


@pytest.fixture(params=sorted(distribution.releases()))
def inputs(request: pytest.FixtureRequest, catalogue: Catalogue) -> Inputs:
    """All images on one distribution. What Python installs does not depend on it here, so one lock does."""
    options = Options(release="2026.1", distribution=distribution.releases()[request.param])
    return Inputs(Graph.of(catalogue).on(options.distribution), options, Lock.load("2026.1", "debian-13"))


def test_every_image_renders(inputs: Inputs, catalogue: Catalogue) -> None:
    assert {*inputs.graph.nodes, *inputs.graph.unavailable} == set(Graph.of(catalogue).nodes)
    manager = inputs.options.distribution.manager
    other = {"apt": "dnf.conf", "dnf": "apt.conf"}[manager]
    for name, node in inputs.graph.nodes.items():
        text = inputs.dockerfile(name, {need: need for need in node.needs}, None)
        assert "FROM " in text
        assert other not in text
        if "install_packages" in text:
            assert inputs.options.distribution.packages({**node.image.packages, **node.image.unpacked})
        paths = [file.path for file in inputs.context(name, None)]
        assert paths.count("build/package_manager") == 1
        assert ("build/policy-rc.d" in paths) == (manager == "apt")


def test_every_image_that_installs_something_does_so_in_every_family(catalogue: Catalogue) -> None:
    for folder in catalogue.folders.values():
        for name, image in folder.service.images.items():
            lists = [found for found in (image.packages, image.unpacked) if found]
            for release in distribution.releases().values():
                # The guest image is made of Debian's kernel; elsewhere it is an empty file.
                spared = name == "kolla-guest" and release.family == "rhel"
                installed = not lists or any(release.packages(found) for found in lists)
                assert installed or release.nearest(image.unavailable) or spared


def test_what_cannot_be_built_somewhere_is_left_out_with_all_that_needs_it(
    make_catalogue: MakeCatalogue,
) -> None:
    catalogue = make_catalogue(
        "  notes: {unavailable: {rhel: its kernel is Debian's}}\n"
        "  child: {parent: notes}\n"
        "  copier: {copies: {/etc/passwd: child}}\n"
    )
    graph = Graph.of(catalogue)
    assert {"notes", "child", "copier"} <= set(graph.on(UBUNTU).select().nodes)
    there = graph.on(ROCKY)
    assert not {"notes", "child", "copier"} & set(there.select().nodes)
    with pytest.raises(InputError, match="image 'notes' cannot be built on rocky-10: its kernel is Debian's"):
        there.select(["notes"])
    with pytest.raises(InputError, match=r"'copier' is built from another one: .*its kernel is Debian's"):
        there.select(["copier"])


def test_ubuntu_is_bootstrapped_from_its_own_archives() -> None:
    recipe = "\n".join(bootstrap_apt.recipe(UBUNTU))
    assert "noble" in recipe
    assert "ubuntu.sources" in recipe
    assert "Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg" in recipe
    assert "debian.org" not in recipe
    files = secrets(Transport({"ubuntu_mirror": "http://mirror.example/u"}), UBUNTU)
    assert b"http://mirror.example/u noble main universe\n" in files["sources.list"]
    assert b"http://security.ubuntu.com/ubuntu noble-security main universe\n" in files["sources.list"]


def test_dnf_is_told_mirrors_keys_and_authorities(tmp_path: Path) -> None:
    authorities = tmp_path / "ca.pem"
    authorities.write_bytes(b"certificates")
    transport = Transport({"rocky_mirror": "http://mirror.example/r/"}, extra_ca_certificates=authorities)
    files = secrets(transport, ROCKY)
    assert files["ca.pem"] == b"certificates"
    assert "apt.conf" not in files
    lines = files["dnf.conf"].decode().splitlines()
    assert "sslcacert=/mnt/ca.pem" in lines
    assert "gpgcheck=1" in lines
    assert "baseurl=http://mirror.example/r/10/AppStream/$basearch/os" in lines
    assert "gpgkey=http://mirror.example/r/RPM-GPG-KEY-Rocky-10" in lines
    assert "gpgkey=https://www.centos.org/keys/RPM-GPG-KEY-CentOS-SIG-NFV" in lines
    headings = [line for line in lines if line.startswith("[")]
    assert len(headings) == len(set(headings))
    assert "sslcacert" not in dnf_conf(Transport(), ROCKY, "")


def test_the_recipe_of_a_base_names_its_release() -> None:
    assert bootstrap_dnf.recipe(ROCKY) != bootstrap_dnf.recipe(Distribution.named("centos", "10"))
