"""Inheritance of what is said for families, distributions and releases."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kolla.catalogue import distribution, loader
from kolla.catalogue.distribution import Distribution, superfluous
from kolla.settings import keys

from .conftest import MakeService
from .test_loader import MINIMAL, message

RELEASES = st.sampled_from(sorted(distribution.releases().values(), key=lambda release: release.name))
NAMES = st.sampled_from(["jq", "curl", "gcc", "sed"])
LISTS = st.dictionaries(
    st.sampled_from(distribution.names()),
    st.lists(st.one_of(NAMES, NAMES.map("-{}".format)), max_size=4),
)


def test_every_release_knows_where_it_stands() -> None:
    lineages = {release.name: release.lineage for release in distribution.releases().values()}
    assert lineages == {
        "debian-12": ("debian", "debian-12"),
        "debian-13": ("debian", "debian-13"),
        "ubuntu-24.04": ("debian", "ubuntu", "ubuntu-24.04"),
        "rocky-10": ("rhel", "rocky", "rocky-10"),
        "centos-10": ("rhel", "centos", "centos-10"),
    }


def test_a_nearer_list_adds_and_takes_away() -> None:
    lists = {"debian": ["gcc", "linux-image"], "ubuntu": ["-linux-image", "linux-virtual"], "rhel": ["cc"]}
    assert Distribution.named("debian", "13").packages(lists) == ("gcc", "linux-image")
    assert Distribution.named("ubuntu", "24.04").packages(lists) == ("gcc", "linux-virtual")
    assert Distribution.named("rocky", "10").packages(lists) == ("cc",)


@given(RELEASES, LISTS)
def test_the_nearest_word_about_a_package_counts(release: Distribution, lists: dict[str, list[str]]) -> None:
    found = release.packages(lists)
    assert found == tuple(sorted(set(found)))
    for package in ("jq", "curl", "gcc", "sed"):
        said = [
            package in lists.get(name, ())
            for name in release.lineage
            if {package, f"-{package}"} & set(lists.get(name, ()))
        ]
        assert (package in found) == (said[-1] if said else False)


@given(RELEASES, st.dictionaries(st.sampled_from(distribution.names()), st.text()))
def test_the_nearest_value_counts(release: Distribution, values: dict[str, str]) -> None:
    known = [values[name] for name in release.lineage if name in values]
    assert release.nearest(values) == (known[-1] if known else None)


@given(LISTS)
def test_what_takes_nothing_away_is_found(lists: dict[str, list[str]]) -> None:
    for place, entry in superfluous(lists):
        without = {**lists, place: [other for other in lists[place] if other != entry]}
        for release in distribution.releases().values():
            assert release.packages(lists) == release.packages(without)


def test_entries_that_take_nothing_away_are_refused(make_service: MakeService) -> None:
    images = "images:\n  notes:\n    packages:\n      debian: [jq, curl]\n      ubuntu: [-jp]\n"
    text = message(make_service(MINIMAL + images))
    assert "service.yml:8: '-jp' takes away a package that 'notes' does not have on ubuntu" in text
    assert "did you mean '-jq'?" in text


def test_a_reason_for_an_unknown_distribution_is_refused(make_service: MakeService) -> None:
    text = message(make_service(MINIMAL + "images:\n  notes:\n    unavailable: {rhle: no kernel}\n"))
    assert "service.yml:6: there is no base distribution 'rhle'" in text
    assert "did you mean 'rhel'?" in text


def test_the_settings_offer_every_distribution() -> None:
    offered = keys.of(loader.load())
    known = distribution.releases().values()
    assert set(offered["kolla_base_distro"].setting.choices) == {release.distro for release in known}
    assert set(offered["kolla_base_distro_version"].setting.choices) == {release.version for release in known}
    for repository in (r for release in known for r in release.repositories):
        assert repository.url in offered[repository.mirror].setting.description


@pytest.mark.parametrize("name", ["Debian", "debian_13", "-debian"])
def test_a_name_no_distribution_has(make_service: MakeService, name: str) -> None:
    text = yaml.safe_dump({"images": {"notes": {"packages": {name: ["jq"]}}}})
    assert "cannot be used in" in message(make_service(MINIMAL + text))
