"""Every host has the keys of passwords.yml, and at no moment fewer than open what was encrypted."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .scripts import load

KEYS = ["staged", "primary", "older", "oldest"]
ROTATED = ["newest", "staged", "primary", "older"]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    script = load("keystone", "kolla_keystone_seed_keys")
    monkeypatch.setattr(script, "SETTINGS", tmp_path / "keys.json")
    monkeypatch.setattr(script, "FERNET", tmp_path / "fernet")
    monkeypatch.setattr(script, "CREDENTIAL", tmp_path / "credential")
    # Ownership is given away only by root; the names need not exist here.
    monkeypatch.setattr(script.os, "geteuid", lambda: 1000)
    configure(script, KEYS)
    return script


def configure(script: ModuleType, keys: list[str]) -> None:
    script.SETTINGS.write_text(json.dumps({"fernet": keys, "credential": KEYS[:2], "user": "keystone"}))


def run(script: ModuleType, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    script.main(*options)
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def holds(repository: Path) -> dict[int, str]:
    return {int(p.name): p.read_text() for p in repository.iterdir() if p.name.isdigit()}


def write(repository: Path, keys: dict[int, str]) -> None:
    repository.mkdir(exist_ok=True)
    for number, key in keys.items():
        (repository / str(number)).write_text(key)


def test_empty_repositories_are_seeded_once(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fernet").mkdir()
    (tmp_path / "fernet/.kolla-epoch").write_text("epoch")
    assert run(script, capsys) == {"changed": True, "seeded": ["fernet", "credential"]}
    assert holds(tmp_path / "fernet") == {0: "staged", 1: "oldest", 2: "older", 3: "primary"}
    assert (tmp_path / "fernet/.kolla-epoch").read_text() == "epoch"
    assert holds(tmp_path / "credential") == {0: "staged", 1: "primary"}
    assert (tmp_path / "credential/1").stat().st_mode & 0o7777 == 0o600
    assert (tmp_path / "credential").stat().st_mode & 0o7777 == 0o700
    assert run(script, capsys) == {"changed": False, "seeded": []}


def test_a_rotation_makes_the_staged_key_the_primary_one(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(script, capsys)
    configure(script, ROTATED)
    with pytest.raises(ValueError, match="run kolla deploy"):
        run(script, capsys, "--look")
    assert run(script, capsys) == {"changed": True, "seeded": ["fernet"]}
    assert holds(tmp_path / "fernet") == {0: "newest", 1: "oldest", 2: "older", 3: "primary", 4: "staged"}
    assert "3 older ones" in run(script, capsys, "--look")["message"]


def test_a_host_that_missed_rotations_has_what_the_others_have(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(script, capsys)
    configure(script, ["n3", "n2", "n1", "staged"])
    run(script, capsys)
    there = holds(tmp_path / "fernet")
    assert (there[0], there[max(there)]) == ("n3", "n2")
    assert set(there.values()) >= {"n1", "staged", "primary"}


def test_keys_of_an_older_passwords_file_are_in_force_again(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for keys in (KEYS, ["n3", "n2", "n1", "staged"], KEYS):
        configure(script, keys)
        run(script, capsys)
    there = holds(tmp_path / "fernet")
    assert (there[0], there[max(there)]) == ("staged", "primary")
    assert sorted(there.values()) == sorted([*KEYS, "n1", "n2"])


def test_the_keys_of_a_cloud_that_was_there_before_stay_as_older_ones(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "fernet", {0: "their staged", 7: "t7", 8: "t8", 9: "t9", 10: "their primary"})
    write(tmp_path / "credential", {0: "theirs", 4: "their primary"})
    run(script, capsys)
    there = holds(tmp_path / "fernet")
    assert (there[0], there[max(there)]) == ("staged", "primary")
    assert set(there.values()) == {*KEYS, "t8", "t9", "their primary"}
    assert holds(tmp_path / "credential") == {0: "theirs", 4: "their primary"}


def test_a_killed_run_is_finished(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "credential", {0: "staged"})
    write(tmp_path / "fernet", {0: "staged", 1: "oldest"})
    (tmp_path / "fernet/2.new").write_text("old")
    (tmp_path / "credential/1.new").write_text("prim")
    assert run(script, capsys)["seeded"] == ["fernet", "credential"]
    assert holds(tmp_path / "fernet") == {0: "staged", 1: "oldest", 2: "older", 3: "primary"}
    assert sorted(os.listdir(tmp_path / "credential")) == ["0", "1"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rotations=st.integers(0, 6),
    lag=st.lists(st.integers(0, 2), max_size=6),
    before=st.dictionaries(st.integers(0, 9), st.sampled_from(["x", "y", "k0", "k1", "k2"])),
)
def test_whatever_was_there_the_keys_of_the_file_are_in_force_and_none_is_missed_on_the_way(
    script: ModuleType, tmp_path: Path, rotations: int, lag: list[int], before: dict[int, str]
) -> None:
    repository = tmp_path / "any"
    repository.mkdir(exist_ok=True)
    for path in repository.iterdir():
        path.unlink()
    write(repository, before)
    seen: list[set[str]] = []
    real_put, real_content = script.put, script.content

    def watched(*arguments: Any) -> None:
        real_put(*arguments)
        seen.append(set(real_content(repository).values()))

    script.put = watched
    try:
        for number in [rotations + n for n in (0, *lag)]:
            keys = [f"k{number + 3}", f"k{number + 2}", f"k{number + 1}", f"k{number}"]
            seen[:] = []
            known = set(holds(repository).values()) & set(keys)
            changed = script.renew(repository, keys, "keystone")
            there = holds(repository)
            assert there[0] == keys[0]
            assert there[max(there)] == keys[1]
            assert set(keys) <= set(there.values())
            assert len(there) <= len(keys) + script.STRANGERS
            assert all(known <= moment for moment in seen)
            assert changed or not seen
            assert not script.renew(repository, keys, "keystone")
    finally:
        script.put = real_put
