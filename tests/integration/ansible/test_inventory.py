from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kolla.ansible import inventory
from kolla.errors import InputError


def test_sources_are_merged_and_group_variables_resolved(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("[control]\na api_interface=eth0\n[control:vars]\nregion=east\n")
    two.write_text("[compute]\nb\n")
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "compute.yml").write_text("region: west\n")
    read = inventory.read([str(one), str(two)])
    assert read["control"]["hosts"] == ["a"] and read["compute"]["hosts"] == ["b"]
    assert read["_meta"]["hostvars"]["a"] == {"api_interface": "eth0", "region": "east"}
    assert read["_meta"]["hostvars"]["b"]["region"] == "west"


def test_vaults_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    password = tmp_path / "password"
    password.write_text("geheim\n")
    source = tmp_path / "inventory"
    source.write_text("a\n")
    variables = tmp_path / "host_vars" / "a.yml"
    variables.parent.mkdir()
    variables.write_text("ansible_become_password: hunter2\n")
    _vault("encrypt", password, variables)
    assert "hunter2" not in variables.read_text()
    with pytest.raises(InputError, match=r"(?s)vault.*hint: set ANSIBLE_VAULT_PASSWORD_FILE"):
        inventory.read([str(source)])
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(password))
    read = inventory.read([str(source)])
    assert read["_meta"]["hostvars"]["a"] == {"ansible_become_password": "hunter2"}


def test_a_missing_or_broken_source_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no-such: there is no such inventory"):
        inventory.read([str(tmp_path / "no-such")])
    broken = tmp_path / "broken.yml"
    broken.write_text("all: [\n")
    with pytest.raises(InputError, match=r"(?s)broken\.yml.*  as yaml: YAML parsing failed"):
        inventory.read([str(broken)])


def _vault(verb: str, password: Path, file: Path) -> None:
    program = Path(sys.executable).parent / "ansible-vault"
    subprocess.run([program, verb, "--vault-password-file", password, file], check=True, capture_output=True)
