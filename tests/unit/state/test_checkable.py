"""Configuration that programs check themselves: what they are given, and what is told of what they say."""

import json
from pathlib import Path

from world import World

from kolla.state.checkable import Checkable, checkable


def of(world: World, name: str) -> Checkable:
    (found,) = [found for found in checkable(world.desired) if found.name == name]
    return found


def test_the_folder_is_the_one_of_a_deploy_with_another_command(world: World) -> None:
    found = of(world, "haproxy")
    files = next(c for c in world.desired.containers if c.name == "haproxy").config.files
    document = json.loads(found.folder.pop("config.json"))
    given = json.loads(files["config.json"].merged.text)
    assert document.pop("command") == "haproxy -c -f /etc/haproxy/haproxy.cfg -f /etc/haproxy/services.d"
    assert document == {key: value for key, value in given.items() if key != "command"}
    assert {n: t for n, t in found.folder.items() if n != "config.json"} == {
        n: file.merged.text for n, file in files.items() if n != "config.json"
    }


def test_the_same_files_of_several_hosts_are_checked_once(tmp_path: Path) -> None:
    before = of(World(tmp_path), "mariadb")
    world = World(tmp_path, hosts=("one", "two"))
    assert len([found for found in checkable(world.desired) if found.name == "mariadb"]) == 2  # own addresses
    world.override("mariadb/my.cnf", "[mariadbd]\nmax_connections = 5\n")
    assert of(World(tmp_path), "mariadb").key != before.key


def test_what_a_program_says_is_told_with_the_operator_s_file_and_without_secrets(world: World) -> None:
    world.override("mariadb/my.cnf", "[mariadbd]\nmax_conections = 5\n")
    found = of(world, "mariadb")
    secret = next(iter(found.files["healthcheck.cnf"].secrets))
    overrides = world.settings.overrides.files
    error = str(found.fault(f"[ERROR] no {secret}", overrides).error_message())
    assert error.startswith(f"{overrides['mariadb/my.cnf']}: mariadbd --verbose --help: [ERROR] no ***")


def test_several_files_of_the_operator_are_named(world: World) -> None:
    world.override("haproxy/haproxy.cfg", "global\n")
    world.override("haproxy/keystone.cfg", "listen a\n")
    fault = of(world, "haproxy").fault("no", world.settings.overrides.files)
    assert fault.where is None
    assert "config/haproxy/haproxy.cfg, " in str(fault.hint)
