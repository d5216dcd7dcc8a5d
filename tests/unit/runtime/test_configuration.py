"""What config.json may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kolla.runtime.lib.kolla_runtime import configuration
from kolla.runtime.lib.kolla_runtime.configuration import Owner, parse
from kolla.runtime.lib.kolla_runtime.errors import MalformedConfiguration, RuntimeFault


def document(**changes: Any) -> dict[str, Any]:
    file = {"source": "/a", "dest": "/b", "owner": "root", "perm": "0600", **changes}
    return {"command": "true", "config_files": [file]}


@pytest.mark.parametrize("text", ["glance", "glance:", "glance:glance"])
def test_three_ways_to_write_an_owner_are_the_same(text: str) -> None:
    (file,) = parse(document(owner=text), "c").config_files
    assert file.owner == Owner("glance", "glance")


def test_an_owner_may_name_another_group() -> None:
    (file,) = parse(document(owner="glance:kolla"), "c").config_files
    assert file.owner == Owner("glance", "kolla")


@pytest.mark.parametrize(
    ("text", "mode"),
    [("600", 0o600), ("0640", 0o640), ("0o750", 0o750), ("0o1777", 0o1777), ("2775", 0o2775)],
)
def test_ways_to_write_a_mode(text: str, mode: int) -> None:
    (file,) = parse(document(perm=text), "c").config_files
    assert file.mode == mode


@pytest.mark.parametrize("text", ["", "6", "0o6", "0888", "00600", "rw", "0x600", "-600"])
def test_other_modes_are_refused(text: str) -> None:
    with pytest.raises(MalformedConfiguration, match=r"config_files\[0\]: perm: must be 3 or 4 octal"):
        parse(document(perm=text), "c")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (document(onwer="x"), r"c: config_files\[0\]: onwer: unknown key, did you mean 'owner'\?"),
        ({"comand": "x"}, r"c: comand: unknown key, did you mean 'command'\?"),
        (document(ignore_globs=[]), r"ignore_globs: unknown key \(known: source, "),
        (document(optional="yes"), r"optional: must be true or false, not a string"),
        (document(perm=600), r"perm: must be a string, not the number 600"),
        (document(dest="etc/x"), r"dest: must be an absolute path, not 'etc/x'"),
        (document(owner=":kolla"), r"owner: must be USER or USER:GROUP"),
        ([], r"c: must be a mapping, not a list"),
        ({"command": "x", "files": {}}, r"files: must be a list, not a mapping"),
        ({"command": "x", "permissions": [{"path": "/a", "owner": "b", "exclude": ["("]}]}, r"exclude: '\('"),
    ],
)
def test_what_may_not_be_said_is_named_with_exit_code_2(data: Any, message: str) -> None:
    with pytest.raises(MalformedConfiguration, match=message) as caught:
        parse(data, "c")
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "command: is required"),
        ({"command": " "}, "command: must not be empty"),
        (document(owner=None), r"config_files\[0\]: owner: is required"),
        (document(perm=None), r"config_files\[0\]: perm: is required"),
        (
            {"command": "x", "directories": [{"path": "/a", "owner": "b"}]},
            r"directories\[0\]: perm: is required",
        ),
    ],
)
def test_what_is_missing_is_named_with_exit_code_1(data: Any, message: str) -> None:
    with pytest.raises(RuntimeFault, match=message) as caught:
        parse(data, "c")
    assert caught.value.exit_code == 1


def test_with_preserved_properties_neither_owner_nor_perm_is_needed() -> None:
    data = {"command": "x", "config_files": [{"source": "/a", "dest": "/b", "preserve_properties": True}]}
    (file,) = parse(data, "c").config_files
    assert (file.owner, file.mode) == (None, None)


def test_yaml_is_read_before_json(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"command": "json"}')
    assert configuration.load(tmp_path).command == "json"
    (tmp_path / "config.yaml").write_text("command: yaml\n")
    assert configuration.load(tmp_path).command == "yaml"


def test_a_syntax_error_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"command": \n oops}')
    with pytest.raises(MalformedConfiguration, match=r"config\.json: is not JSON: .* line 2"):
        configuration.load(tmp_path)


def test_no_configuration_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeFault, match=r"config\.json: there is no such file"):
        configuration.load(tmp_path)
