from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.catalogue import loader
from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.distribution import Distribution
from kolla.errors import InputError
from kolla.images.graph import Graph
from kolla.images.selection import Scope, Selection, allowed_to_fail, matching, profiles
from kolla.settings import globals as settings
from kolla.settings.globals import Globals

from .conftest import MakeCatalogue

GRAPH = Graph.of(loader.load())
NAMES = sorted(GRAPH.nodes)
some_names = st.sets(st.sampled_from(NAMES))

Load = Callable[[str], Globals]


@pytest.fixture
def load(tmp_path: Path, catalogue: Catalogue) -> Load:
    """Settings of what globals.yml says."""

    def of(text: str = "") -> Globals:
        (tmp_path / "globals.yml").write_text(text)
        return settings.load(tmp_path, catalogue)

    return of


def test_a_regular_expression_is_found_anywhere_in_a_name(load: Load) -> None:
    assert Selection(("^nova-c", "server$")).names(GRAPH, load()) == tuple(
        name for name in GRAPH.nodes if name.startswith("nova-c") or name.endswith("server")
    )


def test_nothing_asked_for_is_no_name(load: Load) -> None:
    assert Selection().names(GRAPH, load()) == ()


def test_what_matches_nothing_gets_the_nearest_name() -> None:
    with pytest.raises(InputError, match="there is no image 'keystoen'") as caught:
        matching(GRAPH.nodes, ["nova", "^keystoen$".strip("^$")])
    assert "did you mean 'keystone'" in str(caught.value)
    with pytest.raises(InputError, match="did you mean 'keystone'"):
        matching(GRAPH.nodes, ["^keystoen$"])


def test_what_is_no_regular_expression_is_one_clear_error() -> None:
    with pytest.raises(InputError, match=r"'nova\(' is no regular expression: missing \)") as caught:
        matching(GRAPH.nodes, ["nova("])
    assert "write: nova\\(" in str(caught.value)


def test_profiles_are_what_services_say(load: Load) -> None:
    known = profiles(GRAPH, load())
    assert {"infra", "main", "default", "quickstart"} == set(known)
    assert {"mariadb", "rabbitmq", "haproxy"} <= known["infra"]
    assert {"keystone", "nova-compute"} <= known["main"]
    assert not known["infra"] & known["main"]
    assert known["infra"] | known["main"] == known["default"]
    # What is off unless somebody asks for it is no part of a quickstart.
    others = {name.partition("-")[0] for name in known["default"] - known["quickstart"]}
    assert others == {"ceph", "cinder", "heat", "horizon", "registry"}
    assert all(GRAPH.nodes[name].image.published for names in known.values() for name in names)


def test_what_is_enabled_is_a_profile(load: Load) -> None:
    quick = profiles(GRAPH, load())["quickstart"]
    # Images of another driver of networks are not built in vain.
    assert set(Selection(profiles=("enabled",)).names(GRAPH, load())) == quick - {"neutron-agents"}
    agents = set(Selection(profiles=("enabled",)).names(GRAPH, load("neutron_plugin_agent: openvswitch\n")))
    assert {name for name in quick if name.startswith("ovn-")} == quick - agents
    given = load("enable_heat: true\nenable_nova: false\n")
    names = set(Selection(profiles=("enabled",)).names(GRAPH, given))
    assert "heat" in names and "nova-api" not in names
    mine = load("image_profiles: {enabled: [^heat$]}\n")
    assert Selection(profiles=("enabled",)).names(GRAPH, mine) == ("heat",)


def test_profiles_and_expressions_add_up(load: Load) -> None:
    chosen = set(Selection(("^haproxy$",), ("main",)).names(GRAPH, load()))
    assert chosen == {"haproxy", *profiles(GRAPH, load())["main"]}


def test_an_own_profile_is_a_list_of_expressions_and_wins(load: Load) -> None:
    given = load("image_profiles: {edge: ['^nova-compute$', '^neutron'], infra: [memcached]}\n")
    known = profiles(GRAPH, given)
    assert known["edge"] == {"nova-compute", "neutron", "neutron-agents", "neutron-metadata-agent"}
    assert known["infra"] == {"memcached"}


def test_an_unknown_profile_gets_the_nearest(load: Load) -> None:
    with pytest.raises(InputError, match="there is no profile 'mian'") as caught:
        Selection(profiles=("mian",)).names(GRAPH, load())
    assert "did you mean 'main'" in str(caught.value)


@pytest.mark.parametrize("value", ["nova", "[1]", "{a: b}"])
def test_an_own_profile_that_is_no_list_names_its_line(load: Load, value: str, tmp_path: Path) -> None:
    given = load(f"docker_namespace: x\nimage_profiles:\n  edge: {value}\n")
    with pytest.raises(InputError, match="'edge' is no list of regular expressions") as caught:
        profiles(GRAPH, given)
    assert str(caught.value).startswith(f"{tmp_path}/globals.yml:2")


def test_an_own_profile_that_names_no_image_names_its_line(load: Load, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no image '\\^nvoa'") as caught:
        profiles(GRAPH, load("image_profiles: {edge: [^nvoa]}\n"))
    assert str(caught.value).startswith(f"{tmp_path}/globals.yml:1")


def test_images_that_may_fail_are_found_by_expression(load: Load) -> None:
    assert allowed_to_fail(GRAPH, load("build_allowed_to_fail: ['^ovn-', no-such-image]\n")) == {
        name for name in NAMES if name.startswith("ovn-")
    }
    with pytest.raises(InputError, match=r"globals.yml:1.*is no regular expression"):
        allowed_to_fail(GRAPH, load("build_allowed_to_fail: ['*']\n"))


def test_without_its_parents_an_image_is_built_on_what_is_there() -> None:
    scope = Scope.of(GRAPH, ["keystone"], {"openstack-base", "wheelhouse"}, skip_parents=True)
    assert scope.reached == {"keystone", "openstack-base", "wheelhouse"}
    assert scope.taken == {"openstack-base", "wheelhouse"}


def test_a_parent_that_is_not_there_is_named_before_anything_is_built() -> None:
    with pytest.raises(InputError, match="these do not exist: openstack-base\n") as caught:
        Scope.of(GRAPH, ["keystone"], {"wheelhouse", "base"}, skip_parents=True)
    assert "run: kolla build '^openstack-base$'" in str(caught.value)


def test_what_is_there_is_taken_and_nothing_is_built_for_it_alone() -> None:
    scope = Scope.of(GRAPH, ["keystone", "memcached"], {"keystone"}, skip_existing=True)
    assert scope.reached == {"keystone", "memcached", "base"}
    assert scope.taken == {"keystone"}


@given(named=some_names, there=some_names, skip_existing=st.booleans())
def test_everything_an_image_needs_is_reached_unless_it_is_taken(
    named: set[str], there: set[str], skip_existing: bool
) -> None:
    scope = Scope.of(GRAPH, named, there, skip_existing=skip_existing)
    assert named <= scope.reached
    assert scope.taken == (scope.reached & there if skip_existing else set())
    for name in scope.reached - scope.taken:
        assert set(GRAPH.nodes[name].needs) <= scope.reached
    wanted = named.union(*(GRAPH.nodes[name].needs for name in scope.reached - scope.taken))
    assert scope.reached == wanted, "nothing is reached without a reason"


@given(named=some_names, there=some_names)
def test_with_parents_skipped_all_that_is_taken_is_there(named: set[str], there: set[str]) -> None:
    direct = {need for name in named for need in GRAPH.nodes[name].needs} - named
    try:
        scope = Scope.of(GRAPH, named, there, skip_parents=True)
    except InputError:
        assert not direct <= there
    else:
        assert (scope.reached - scope.taken, scope.taken) == (named, direct)
        assert direct <= there


def test_images_that_cannot_be_built_here_are_matched_only_to_say_why(
    load: Load, make_catalogue: MakeCatalogue
) -> None:
    rocky = Distribution.named("rocky", "10")
    graph = Graph.of(make_catalogue("  notes: {unavailable: {rhel: no such package}}\n")).on(rocky)
    chosen = Selection(("notes|^base$",)).names(graph, load())
    assert "base" in graph.select(chosen).nodes
    with pytest.raises(InputError, match="'notes' cannot be built on rocky-10: no such package"):
        Selection(("^notes$",)).names(graph, load())
