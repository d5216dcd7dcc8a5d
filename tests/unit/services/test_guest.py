"""What the guest reads of its metadata on a config drive, with the shell there is here."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from .scripts import SERVICES

GUEST = SERVICES / "demo" / "image" / "guest"
KEY = "ssh-ed25519 AAAAC3Nza someone@somewhere"


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """A config drive as nova makes it, mounted."""
    document = {
        "ami-id": "ami-1",
        "block-device-mapping": {"ami": "sda", "root": "/dev/sda"},
        "hostname": "demo1.novalocal",
        "instance-action": "none",
        "instance-id": "i-00000001",
        "local-hostname": "demo1.novalocal",
        "public-keys": {"0": {"openssh-key": f"{KEY}\n"}},
    }
    folder = tmp_path / "ec2" / "latest"
    folder.mkdir(parents=True)
    (folder / "meta-data.json").write_text(json.dumps(document))
    (folder / "user-data").write_text("#!/bin/sh\necho hello\n")
    return tmp_path


def say(drive: Path, call: str) -> str:
    """What a function of the guest prints."""
    script = f". {GUEST}/metadata; DRIVE={drive} drive=/dev/sr0; {call}"
    return subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=True).stdout.strip()


def test_facts_are_found_by_their_paths(drive: Path) -> None:
    assert say(drive, "fact hostname") == "demo1.novalocal"
    assert say(drive, "fact instance-id") == "i-00000001"
    assert say(drive, "fact public-keys/0/openssh-key") == KEY


def test_a_server_without_a_key_pair_lets_nobody_in(drive: Path) -> None:
    path = drive / "ec2/latest/meta-data.json"
    document = json.loads(path.read_text())
    del document["public-keys"]
    path.write_text(json.dumps(document))
    assert say(drive, "fact public-keys/0/openssh-key") == ""


def test_user_data_are_taken_as_they_are(drive: Path) -> None:
    assert say(drive, "user_data") == "#!/bin/sh\necho hello"


@pytest.mark.parametrize("name", ["init", "rc", "lease", "metadata", "sudo"])
def test_the_guests_scripts_are_shell(name: str) -> None:
    subprocess.run(["sh", "-n", str(GUEST / name)], check=True)


def test_sudo_runs_what_it_is_given() -> None:
    words = ["sh", str(GUEST / "sudo"), "-n", "-u", "root", "echo", "-n", "it"]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "it"
