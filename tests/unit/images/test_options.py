from pathlib import Path

import pytest
import yaml

from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.distribution import Distribution
from kolla.errors import InputError
from kolla.images.options import Options, Transport
from kolla.settings import globals as settings


def options(directory: Path, catalogue: Catalogue, **given: object) -> Options:
    (directory / "globals.yml").write_text(yaml.safe_dump(given))
    return Options.of(settings.load(directory, catalogue))


def test_defaults_are_those_of_the_settings(tmp_path: Path, catalogue: Catalogue) -> None:
    found = options(tmp_path, catalogue)
    assert found.tag == "2026.1-debian-13"
    assert found.reference("keystone") == "kolla/keystone:2026.1-debian-13"
    assert found.transport == Transport()
    assert not found.pull_base


def test_a_reference_has_registry_and_identity(tmp_path: Path, catalogue: Catalogue) -> None:
    found = options(tmp_path, catalogue, docker_registry="registry.example:5000", docker_namespace="team")
    identity = "0123456789abcdef"
    assert options(tmp_path, catalogue, docker_registry="10.0.0.1:5000", docker_namespace="a/b.c").registry
    assert (
        found.reference("keystone", identity)
        == "registry.example:5000/team/keystone:2026.1-debian-13-0123456789ab"
    )


@pytest.mark.parametrize(
    "given",
    [
        {"docker_registry": "https://registry.example"},
        {"docker_registry": "registry.example/"},
        {"docker_namespace": "Team"},
        {"docker_namespace": ""},
        {"openstack_release": "2026/1"},
    ],
)
def test_what_no_image_can_be_called_is_refused(
    tmp_path: Path, catalogue: Catalogue, given: dict[str, str]
) -> None:
    with pytest.raises(InputError, match="cannot be the name of an image"):
        options(tmp_path, catalogue, **given)


def test_proxies_are_spelt_both_ways(tmp_path: Path, catalogue: Catalogue) -> None:
    found = options(tmp_path, catalogue, build_http_proxy="http://proxy.example:3128", build_no_proxy="a,b")
    assert found.transport.proxies == {
        "http_proxy": "http://proxy.example:3128",
        "HTTP_PROXY": "http://proxy.example:3128",
        "https_proxy": "http://proxy.example:3128",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "no_proxy": "a,b",
        "NO_PROXY": "a,b",
    }


def test_a_missing_ca_file_is_named(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(InputError, match=r"extra_ca_certificates: there is no file /nowhere/ca\.pem"):
        options(tmp_path, catalogue, extra_ca_certificates="/nowhere/ca.pem")


def test_an_unknown_distribution_names_those_there_are() -> None:
    with pytest.raises(InputError, match="no images can be built on debian 11") as caught:
        Distribution.named("debian", "11")
    assert "debian-12, debian-13" in str(caught.value)
