"""A host that is this machine, with code that does what the host protocol says, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kolla.ansible.archive import Archive
from kolla.ansible.executor import CloudIdentity, Executor

HOST_CODE = """
import json, os, sys, time

def main():
    verb, request = sys.argv[1], json.load(sys.stdin)
    directory = os.environ["STAND_IN"]
    with open(os.path.join(directory, "asked"), "a") as file:
        file.write(json.dumps([verb, request]) + "\\n")
    if verb == "crash":
        sys.exit("the code fell over")
    answer = {"secret": "geheim-from-host"}
    if verb == "apply":
        answer = {"run": request["run"], "offset": 0}
        with open(os.path.join(directory, "operations"), "w") as file:
            json.dump([operation["id"] for operation in request["operations"]], file)
    elif verb == "follow":
        answer = follow(directory, request["offset"])
    print(json.dumps(answer))

def follow(directory, offset):
    while os.path.exists(os.path.join(directory, "hold")):
        time.sleep(0.05)
    with open(os.path.join(directory, "operations")) as file:
        operations = json.load(file)
    events = [
        {"time": time.time(), "operation": o, "status": "done", "seconds": 0.1, "message": "", "log": []}
        for o in operations[offset : offset + 1]
    ]
    return {"events": events, "offset": offset + 1, "finished": offset + 1 >= len(operations)}
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the stand-in writes what it was asked (`asked`); a file `hold` in it makes it wait."""
    directory = tmp_path / "stand-in"
    directory.mkdir()
    monkeypatch.setenv("STAND_IN", str(directory))
    return directory


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    code = tmp_path / "code"
    code.mkdir()
    (code / "main.py").write_text(HOST_CODE)
    return Archive.of(code, libraries=("docker", "requests", "urllib3", "idna", "certifi"))


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    path = tmp_path / "inventory"
    path.write_text("localhost ansible_connection=local\n")
    return path


@pytest.fixture
def make(tmp_path: Path, archive: Archive, inventory: Path, stand_in: Path) -> Callable[..., Executor]:
    """An executor for this machine; its code goes below the test's own directory."""

    def executor(**options: object) -> Executor:
        identity = CloudIdentity("kolla", "an-id")
        return Executor(
            [str(inventory)],
            identity,
            archive=archive,
            host_directory=str(tmp_path / "bin"),
            **options,  # type: ignore[arg-type]
        )

    return executor
