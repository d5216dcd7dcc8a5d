"""What a set's name stands for."""

import pytest

from kolla.catalogue import sets
from kolla.catalogue.loader import load
from kolla.errors import InputError

SERVICE = """\
name: shapes
title: Shapes
enabled: true
groups: {shapes: control}
users: {shapes: {uid: 43999, home: /x}}
images: {shapes: {user: shapes}}
sets: SETS
containers:
  shapes-round: {image: shapes, group: shapes, command: x}
  shapes-flat: {image: shapes, group: shapes, command: x}
"""


@pytest.fixture
def shapes(tmp_path):
    """A service whose sets a test chooses; gives the catalogue."""

    def write(words):
        folder = tmp_path / "shapes"
        folder.mkdir(exist_ok=True)
        (folder / "service.yml").write_text(SERVICE.replace("SETS", words))
        return load([folder])

    return write


def only(catalogue, *names):
    return [catalogue.folders[name] for name in names]


def test_a_set_of_several_services_in_a_set(shapes):
    catalogue = shapes(
        "{pictures: [drawings, keystone-too], drawings: [shapes-round], keystone-too: [shapes]}"
    )
    assert sets.named(only(catalogue, "shapes")) == {
        "drawings": {"shapes-round"},
        "keystone-too": {"shapes-round", "shapes-flat"},
        "pictures": {"shapes-round", "shapes-flat"},
    }


def test_services_add_to_one_set(shapes):
    found = sets.named(only(shapes("{control: [shapes-flat]}"), "shapes", "keystone"))
    assert found["control"] == {"keystone", "shapes-flat"}


def test_what_is_not_enabled_is_in_no_set(shapes):
    catalogue = shapes("{}")
    assert "compute" not in sets.named(only(catalogue, "keystone"))
    assert sets.named(only(catalogue, "nova"))["hypervisor"] == {"nova-compute", "nova-libvirt", "nova-ssh"}


def test_a_service_and_a_container_by_either_name_are_sets(shapes):
    folders = only(shapes("{}"), "shapes", "keystone")
    assert sets.chosen(folders, ["shapes_round", "keystone"]) == {"shapes-round", "keystone"}
    assert sets.chosen(folders, ["shapes"]) == {"shapes-round", "shapes-flat"}


def test_an_unknown_set_names_the_nearest(shapes):
    with pytest.raises(InputError, match=r"no set, service or container 'shape'.*\n.*did you mean 'shapes'"):
        sets.chosen(only(shapes("{}"), "shapes"), ["shape"])
    with pytest.raises(InputError, match="kolla status --sets lists them"):
        sets.chosen(only(shapes("{}"), "shapes"), ["qqq"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "{drawings: [shapes-rond]}",
            "service.yml:7: .*no container or set 'shapes-rond'(.|\n)*'shapes-round'",
        ),
        ("{drawings: [keystone]}", "service.yml:7: .*no container or set 'keystone'"),
        ("{keystone: [shapes]}", "service.yml:7: the set 'keystone' is called like a service"),
        ("{one: [two], two: [one]}", "service.yml:7: a set holds itself: (one -> two|two -> one)"),
        ("{One: [shapes]}", "service.yml:7: "),
    ],
)
def test_mistakes_name_their_line(shapes, words, message):
    with pytest.raises(InputError, match=message):
        shapes(words)


def test_what_runs_is_in_a_set_of_the_package_but_for_tools():
    folders = load().folders.values()
    inside = frozenset().union(*sets.named(folders).values())
    outside = {f.name for f in folders if not inside.issuperset(f.service.containers)}
    assert outside == {"toolbox"}
