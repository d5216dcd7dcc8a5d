from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kolla.ansible.archive import Archive


@pytest.fixture
def code(tmp_path: Path) -> Path:
    code = tmp_path / "code"
    code.mkdir()
    (code / "__init__.py").write_text("")
    (code / "main.py").write_text(
        "import json, sys, docker\n"
        "def main():\n"
        "    print(json.dumps([sys.argv[1], sys.stdin.read(), docker.__file__]))\n"
    )
    return code


def test_the_same_files_are_the_same_bytes_whenever_they_were_written(code: Path) -> None:
    one = Archive.of(code)
    for file in code.iterdir():
        file.touch()
    two = Archive.of(code)
    assert (one.name, one.zip) == (two.name, two.zip)


def test_the_name_follows_the_content_and_the_names_of_files() -> None:
    names = {
        Archive(files).name
        for files in (
            {"a.py": b"1"},
            {"a.py": b"2"},
            {"b.py": b"1"},
            {"a.py": b"1", "b.py": b""},
            {"a.pyb": b"1"},
        )
    }
    assert len(names) == 5
    assert all(name.startswith("host-") and len(name) == len("host-") + 16 for name in names)


def test_nothing_of_this_machine_goes_in(code: Path) -> None:
    (code / "__pycache__").mkdir()
    (code / "__pycache__" / "main.cpython.pyc").write_bytes(b"x")
    (code / "notes.txt").write_text("x")
    names = zipfile.ZipFile(io.BytesIO(Archive.of(code).zip)).namelist()
    assert {name.rpartition(".")[2] for name in names} == {"py", "pem"}
    assert "kolla_host/main.py" in names and "__main__.py" in names
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


def test_it_runs_unpacked_with_its_own_sdk_and_nothing_installed(code: Path, tmp_path: Path) -> None:
    unpacked = tmp_path / "host"
    zipfile.ZipFile(io.BytesIO(Archive.of(code).zip)).extractall(unpacked)
    bare = [sys.executable, "-I", "-S", str(unpacked), "observe"]
    done = subprocess.run(bare, input="request", capture_output=True, text=True, check=True)
    verb, request, sdk = json.loads(done.stdout)
    assert (verb, request) == ("observe", "request")
    assert sdk == str(unpacked / "docker" / "__init__.py")
