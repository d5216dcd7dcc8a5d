"""First keys go into key repositories that have none, whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .scripts import load

KEYS = {"0": "staged", "1": "primary"}


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    script = load("keystone", "kolla_keystone_seed_keys")
    monkeypatch.setattr(script, "SETTINGS", tmp_path / "keys.json")
    monkeypatch.setattr(script, "REPOSITORIES", {n: tmp_path / n for n in ("fernet", "credential")})
    # Ownership is given away only by root; the names need not exist here.
    monkeypatch.setattr(script.os, "geteuid", lambda: 1000)
    script.SETTINGS.write_text(json.dumps({"fernet": KEYS, "credential": KEYS, "user": "keystone"}))
    return script


def run(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    script.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_empty_repositories_are_seeded_once(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fernet").mkdir()
    (tmp_path / "fernet/.kolla-epoch").write_text("epoch")
    assert run(script, capsys) == {"changed": True, "seeded": ["fernet", "credential"]}
    assert sorted(os.listdir(tmp_path / "fernet")) == [".kolla-epoch", "0", "1"]
    assert (tmp_path / "credential/1").read_text() == "primary"
    assert (tmp_path / "credential/1").stat().st_mode & 0o7777 == 0o600
    assert (tmp_path / "credential").stat().st_mode & 0o7777 == 0o700
    assert run(script, capsys) == {"changed": False, "seeded": []}


def test_rotated_keys_stay(script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("fernet", "credential"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0").write_text("later")
        (tmp_path / name / "7").write_text("rotated")
    assert run(script, capsys) == {"changed": False, "seeded": []}
    assert sorted(os.listdir(tmp_path / "fernet")) == ["0", "7"]


def test_a_killed_run_is_finished(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fernet").mkdir()
    (tmp_path / "fernet/0").write_text("staged")
    (tmp_path / "fernet/1.new").write_text("prim")
    assert run(script, capsys)["seeded"] == ["fernet", "credential"]
    assert sorted(os.listdir(tmp_path / "fernet")) == ["0", "1"]
    assert (tmp_path / "fernet/1").read_text() == "primary"
