import pytest

from kolla.catalogue.catalogue import Catalogue
from kolla.errors import InputError
from kolla.settings import globals as globals_file

from .conftest import Write


def value(catalogue: Catalogue, write: Write, text: str, key: str, **files: str) -> object:
    return globals_file.load(write(text, **files), catalogue).value(key)


def message(catalogue: Catalogue, write: Write, text: str, **files: str) -> str:
    directory = write(text, **files)
    with pytest.raises(InputError) as caught:
        globals_file.load(directory, catalogue)
    return str(caught.value).replace(f"{directory}/", "")


def test_defaults_need_no_file(catalogue: Catalogue, tmp_path):
    found = globals_file.load(tmp_path / "missing", catalogue)
    assert found.value("openstack_release") == "2026.1"
    assert found.value("enable_keystone") is True
    assert found.value("build_https_proxy") == ""
    assert found.value("network_interface") is None


def test_values_are_typed(catalogue: Catalogue, write: Write):
    text = "keystone_port: '6000'\nenable_haproxy: no\nkolla_base_distro_version: 12\n"
    assert value(catalogue, write, text, "keystone_port") == 6000
    assert value(catalogue, write, text, "enable_haproxy") is False
    assert value(catalogue, write, text, "kolla_base_distro_version") == "12"
    assert value(catalogue, write, "openstack_release: 2026.10", "openstack_release") == "2026.10"


def test_expressions_see_other_keys_and_custom(catalogue: Catalogue, write: Write):
    text = (
        "custom: {base: 6000, port: '{{ custom.base + memcached_port }}'}\n"
        "memcached_port: 11\nkeystone_port: '{{ custom.port }}'\n"
    )
    assert value(catalogue, write, text, "keystone_port") == 6011


def test_globals_d_follows_by_name_and_wins(catalogue: Catalogue, write: Write):
    files = {
        "globals.d__20_yml": "keystone_port: 20\ncustom: {b: 2}\n",
        "globals.d__10_yml": "keystone_port: 10\nmemcached_port: 10\n",
        "globals.d__ignored.txt": "keystone_prot: 1\n",
    }
    text = "keystone_port: 1\nmemcached_port: 1\ncustom: {a: 1}\n"
    assert value(catalogue, write, text, "keystone_port", **files) == 20
    assert value(catalogue, write, text, "memcached_port", **files) == 10
    assert value(catalogue, write, text, "custom", **files) == {"a": 1, "b": 2}


def test_typo_names_line_and_nearest(catalogue: Catalogue, write: Write):
    assert message(catalogue, write, "\nkeystone_prot: 1\n") == (
        "globals.yml:2: unknown key 'keystone_prot'\n  hint: did you mean 'keystone_port'?"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keystone_port: abc\n", "globals.yml:1: 'keystone_port' is 'abc'\n  expected: a port"),
        ("a: 1\nkeystone_port: [1\n", "globals.yml:3:1: not YAML"),
        ("- a\n", "globals.yml:1: this is not a mapping"),
        ("keystone_port:\n", "globals.yml:1: 'keystone_port' has no value"),
        ("database_password: x\n", "it belongs in passwords.yml"),
        ("kolla_base_distro: fedora\n", "expected: one of debian, ubuntu, rocky, centos"),
        ("keystone_port: '{{ 1 + }}'\n", "globals.yml:1: not a valid template"),
        ("keystone_port: \"{{ 'a' ~ 'b' }}\"\n", "is 'ab'\n  expected: a port"),
        ("custom: 1\n", "'custom' is 1\n  expected: a mapping"),
        ("custom: {a: '{{ 1 / 0 }}'}\n", "globals.yml:1: the template cannot be rendered: division by zero"),
        ("no_key_like_this_one: 1\n", "expected: a key of docs/reference/settings.md"),
    ],
)
def test_wrong_values(catalogue: Catalogue, write: Write, text: str, said: str):
    assert said in message(catalogue, write, text)


def test_circle_is_told_once_with_every_line(catalogue: Catalogue, write: Write):
    text = "keystone_port: '{{ memcached_port }}'\nmemcached_port: '{{ keystone_port }}'\n"
    found = message(catalogue, write, text)
    assert found.count("circular") == 1
    assert found.startswith(
        "globals.yml:1: circular expression: keystone_port -> memcached_port -> keystone_port\n"
    )
    assert "keystone_port at" in found
    assert "memcached_port at" in found


def test_circle_through_custom_and_itself(catalogue: Catalogue, write: Write):
    assert "circular expression: custom.a -> custom.a" in message(
        catalogue, write, "custom: {a: '{{ custom.a }}'}\n"
    )


def test_all_mistakes_at_once(catalogue: Catalogue, write: Write):
    files = {"globals.d__a_yml": "[\n"}
    found = message(catalogue, write, "keystone_prot: 1\nkeystone_port: x\n", **files)
    assert "keystone_prot" in found
    assert "globals.yml:2" in found
    assert "globals.d/a.yml:2:1: not YAML" in found


def test_unknown_key_in_python_is_a_defect(catalogue: Catalogue, write: Write):
    with pytest.raises(KeyError):
        globals_file.load(write(""), catalogue).value("keystone_prot")
