"""Install type binary: the same catalogue, OpenStack from the distribution's packages."""

import re
from dataclasses import replace

import pytest
import yaml

from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.distribution import Distribution
from kolla.errors import InputError
from kolla.images.check_packages import findings
from kolla.images.graph import WHEELHOUSE, Graph
from kolla.images.inputs import Inputs
from kolla.images.options import Options
from kolla.settings import globals as settings

from .conftest import MakeCatalogue

BINARY = Options(release="2025.1", distribution=Distribution.named("debian", "13"), binary=True)


def dockerfile(catalogue: Catalogue, name: str, options: Options = BINARY) -> str:
    inputs = Inputs.of(Graph.of(catalogue, binary=options.binary).select([name]), options)
    return inputs.dockerfile(name, {need: need for need in inputs.graph.nodes[name].needs}, None)


def installed(text: str) -> tuple[list[str], list[str]]:
    """Packages installed, and packages unpacked."""
    found = re.search(r"install_packages \S+ (.*);", text)
    assert found is not None
    whole, _, unpacked = found[1].partition("--")
    return whole.split(), unpacked.split()


def test_no_image_of_ours_needs_a_wheel(catalogue: Catalogue) -> None:
    chosen = Graph.of(catalogue, binary=True).select()
    assert WHEELHOUSE not in chosen.nodes
    assert chosen.nodes.keys() < Graph.of(catalogue).select().nodes.keys()


def test_programs_are_the_distributions_and_no_environment_hides_them(catalogue: Catalogue) -> None:
    text = dockerfile(catalogue, "nova")
    whole, unpacked = installed(text)
    assert {"python3-nova", "uwsgi-plugin-python3"} <= set(whole)
    assert {"nova-common", "nova-conductor", "nova-consoleproxy", "nova-scheduler"} == set(unpacked)
    assert "ln -sfn /usr/share/nova-common/api-paste.ini /etc/nova/api-paste.ini" in text
    assert "venv" not in text


@pytest.mark.parametrize(
    ("image", "page"), [("nova-novncproxy", "novnc"), ("nova-spicehtml5proxy", "spice-html5")]
)
def test_packages_of_both_types_are_there_in_both(catalogue: Catalogue, image: str, page: str) -> None:
    assert installed(dockerfile(catalogue, image, replace(BINARY, binary=False))) == ([], [page])
    assert installed(dockerfile(catalogue, image)) == ([], [page])


def test_an_image_that_says_nothing_is_the_same(catalogue: Catalogue) -> None:
    for name in ("mariadb", "nova-libvirt", "openstack-base"):
        assert dockerfile(catalogue, name) == dockerfile(catalogue, name, replace(BINARY, binary=False))


def test_python_that_is_not_packaged_is_from_source_in_both(make_catalogue: MakeCatalogue) -> None:
    catalogue = make_catalogue(
        "  notes: {parent: keystone, python: [alembic]}\n  notes-api: {parent: notes}\n"
    )
    graph = Graph.of(catalogue, binary=True)
    binary = {name for name, node in graph.nodes.items() if node.binary}
    assert {"keystone", "nova-compute", "kolla-demo", "neutron-metadata-agent"} <= binary
    assert binary.isdisjoint({"notes", "notes-api", "mariadb", "base"})
    assert graph.nodes["notes"].needs == ("keystone", WHEELHOUSE)
    assert "keystone" in graph.python("notes")


def test_the_package_lock_has_a_place_for_each_type(catalogue: Catalogue) -> None:
    keys = {
        binary: {n: node.packages_key for n, node in Graph.of(catalogue, binary=binary).nodes.items()}
        for binary in (False, True)
    }
    assert keys[False]["keystone"] != keys[True]["keystone"]
    assert keys[False]["kolla-demo"] != keys[True]["kolla-demo"]
    assert keys[False]["base"] == keys[True]["base"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "the release it carries, '2025.1'"),
        ({"kolla_base_distro_version": "12"}, "the release it carries, 'zed'"),
    ],
)
def test_a_release_that_the_base_does_not_carry_is_refused(
    tmp_path, catalogue: Catalogue, given: dict[str, str], expected: str
) -> None:
    said = {"kolla_install_type": "binary", "openstack_release": "2026.1", **given}
    (tmp_path / "globals.yml").write_text(yaml.safe_dump(said))
    with pytest.raises(InputError, match=r"there are no packages of OpenStack 2026\.1 in debian-1") as caught:
        Options.of(settings.load(tmp_path, catalogue))
    assert expected in str(caught.value)


def test_the_tag_tells_the_types_apart(tmp_path, catalogue: Catalogue) -> None:
    (tmp_path / "globals.yml").write_text("kolla_install_type: binary\nopenstack_release: '2025.1'\n")
    options = Options.of(settings.load(tmp_path, catalogue))
    assert options.reference("keystone") == "kolla/keystone:2025.1-debian-13-binary"
    assert replace(options, binary=False).tag == "2025.1-debian-13"


def test_packages_of_the_type_are_looked_up_where_they_are_written(catalogue: Catalogue) -> None:
    graph = Graph.of(catalogue, binary=True).select(["nova-compute"])
    found = findings(graph, catalogue, BINARY.distribution, {"python3-nova"})
    by_name = {(f["check"], f["subject"]): f for f in found}
    assert by_name["nova", "python3-nova"]["ok"]
    wrong = by_name["nova", "nova-conductor"]
    assert not wrong["ok"]
    assert "nova/service.yml" in wrong["message"]
    source = findings(Graph.of(catalogue).select(["nova"]), catalogue, BINARY.distribution, set())
    assert "python3-nova" not in {f["subject"] for f in source}


def test_modules_of_packages_are_linked_into_the_environment_there_is(catalogue: Catalogue) -> None:
    """PyPI has none of them; the system's own Python sees them as they are."""
    source = dockerfile(catalogue, "cinder-volume", replace(BINARY, binary=False))
    assert {"python3-rados", "python3-rbd"} <= set(installed(source)[0])
    assert source.index("install_packages") < source.index("for module in rados rbd; do")
    assert "for module in" not in dockerfile(catalogue, "cinder")
    assert "for module in" not in dockerfile(catalogue, "cinder-volume")
