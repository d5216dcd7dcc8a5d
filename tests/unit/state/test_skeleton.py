"""A new service works as it is; a real engine builds and runs one in tests/integration/cloud."""

import ast
import json

import pytest
from world import World

from kolla import skeleton
from kolla.catalogue.loader import load
from kolla.errors import InputError


def test_it_is_understood_and_deploys_beside_others(tmp_path):
    services = tmp_path / "services"
    skeleton.write("bird-song", services, load())
    world = World(tmp_path)
    world.services = services
    desired = world.desired
    (container,) = (c for c in desired.containers if c.service == "bird-song")
    config = json.loads(container.config.files["bird-song.json"].content)
    assert config == {
        "address": "10.0.0.1",
        "port": 9500,
        "url": "http://10.0.0.250:9500",
        "greeting": "Hello",
    }
    assert [check.name for check in desired.checks if check.service == "bird-song"] == [
        "bird-song/check-greeting"
    ]


def test_its_program_is_python(tmp_path):
    written = skeleton.write("birds", tmp_path, load())
    assert [str(path.relative_to(tmp_path)) for path in written] == [
        "birds/service.yml",
        "birds/image/birds-api",
        "birds/config/birds.json.j2",
    ]
    ast.parse(written[1].read_text())


def test_several_do_not_get_in_each_others_way(tmp_path):
    for name in ("one", "two", "three"):
        skeleton.write(name, tmp_path, load([tmp_path] if any(tmp_path.iterdir()) else []))
    services = [load([tmp_path]).folders[name].service for name in ("one", "two", "three")]
    assert [s.settings[f"{s.name}_port"].default for s in services] == [9500, 9501, 9502]
    assert len({s.users[s.name].uid for s in services}) == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Birds", "cannot be a service's name"),
        ("../birds", "cannot be a service's name"),
        ("", "cannot be a service's name"),
        ("keystone", "there is a service 'keystone' already"),
        ("there", "it exists already"),
    ],
)
def test_names_that_cannot_be(tmp_path, name, message):
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError, match=message):
        skeleton.write(name, tmp_path, load())
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
