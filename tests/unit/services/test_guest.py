"""What the guest reads of its metadata, and what it keeps of it, with the shell there is here."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .scripts import SERVICES

GUEST = SERVICES / "demo" / "image" / "guest"
KEY = "ssh-ed25519 AAAAC3Nza someone@somewhere"
MACHINE = "6d1f2a30-0000-4000-8000-000000000001"
FACTS = {
    "meta-data/hostname": "demo1.novalocal",
    "meta-data/instance-id": "i-00000001",
    "meta-data/public-keys/0/openssh-key": f"{KEY}\n",
}
"""What the metadata service says about a server: path -> text."""
UNDISTURBED = "hostname() { :; }; sync() { :; }"
"""The machine that runs the tests keeps its name, and waits for no disk."""


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


def test_the_console_tells_which_interface_has_no_address(tmp_path: Path) -> None:
    ip = 'ip() { case $* in *eth0*) echo "2: eth0 inet 10.0.0.5/24 scope global eth0";; esac; }'
    for interface in ("eth0", "eth1", "lo"):
        (tmp_path / "sys/class/net" / interface).mkdir(parents=True)

    def told(root: Path) -> list[str]:
        return say(tmp_path, f"ROOT={root}; {ip}; network").splitlines()

    assert told(tmp_path) == ["eth0 10.0.0.5/24", "eth1 has none, as DHCP has given none"]
    assert told(tmp_path / "without") == []


@pytest.mark.parametrize("name", ["init", "introduction", "lease", "login", "metadata", "rc", "sudo"])
def test_the_guests_scripts_are_shell(name: str) -> None:
    subprocess.run(["sh", "-n", str(GUEST / name)], check=True)


def test_sudo_runs_what_it_is_given() -> None:
    words = ["sh", str(GUEST / "sudo"), "-n", "-u", "root", "echo", "-n", "it"]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "it"


# -- what is kept ------------------------------------------------------------------------------------


@contextmanager
def metadata(answers: Mapping[str, str | int]) -> Iterator[str]:
    """The address of a metadata service: path -> what it says, or the status it fails with; else 404."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path.removeprefix("/latest/"), 404)
            self.send_response(answer if isinstance(answer, int) else 200)
            self.end_headers()
            self.wfile.write(b"an error" if isinstance(answer, int) else answer.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/latest"
        finally:
            server.shutdown()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The root file system of a new guest, as far as metadata go, and the number of its machine."""
    for name in ("etc/dropbear", "root/.ssh", "run", "var/lib"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "etc/hostname").write_text("guest\n")
    (tmp_path / "product_uuid").write_text(f"{MACHINE}\n")
    return tmp_path


def boot(root: Path, call: str, address: str = "", before: str = UNDISTURBED) -> bool:
    """Whether a function of the guest succeeds; `/run` is empty, as after every start."""
    for file in (root / "run").iterdir():
        file.unlink()
    variables = f"METADATA={address} MACHINE={root}/product_uuid drive="
    script = f"ROOT={root}; . {GUEST}/metadata; {variables}; {before}; {call}"
    return subprocess.run(["sh", "-uc", script], check=False).returncode == 0


def test_a_new_server_takes_its_name_and_its_key(root: Path) -> None:
    assert not boot(root, "is_known")
    with metadata(FACTS) as address:
        assert boot(root, "introduce", address)
    assert (root / "etc/hostname").read_text() == "demo1\n"
    assert "127.0.1.1 demo1.novalocal demo1" in (root / "etc/hosts").read_text()
    assert (root / "root/.ssh/authorized_keys").read_text().strip() == KEY
    assert (root / "run/introduced").exists()


def test_a_server_that_was_introduced_knows_itself_without_metadata(root: Path) -> None:
    with metadata(FACTS) as address:
        boot(root, "introduce", address)
    assert boot(root, "is_known")


def test_a_server_of_a_copied_disk_is_another_one_until_it_is_introduced(root: Path) -> None:
    (root / "etc/dropbear/dropbear_ed25519_host_key").write_text("the first server's")
    with metadata(FACTS) as address:
        boot(root, "introduce", address)
    (root / "etc/dropbear/dropbear_ed25519_host_key").write_text("the first server's")
    (root / "product_uuid").write_text("6d1f2a30-0000-4000-8000-000000000002\n")
    assert not boot(root, "is_known")
    theirs = {"meta-data/hostname": "second", "meta-data/instance-id": "i-00000002"}
    with metadata(theirs) as address:
        assert boot(root, "introduce", address)
    assert (root / "etc/hostname").read_text() == "second\n"
    assert (root / "root/.ssh/authorized_keys").read_text().strip() == ""
    assert list((root / "etc/dropbear").iterdir()) == []
    assert boot(root, "is_known")


def test_a_machine_without_a_number_may_be_anybodys(root: Path) -> None:
    (root / "product_uuid").unlink()
    with metadata(FACTS) as address:
        assert boot(root, "introduce", address)
    assert not boot(root, "is_known")


def test_a_key_of_ones_own_stays_as_long_as_the_server_is_the_same(root: Path) -> None:
    with metadata(FACTS) as address:
        boot(root, "introduce", address)
        keys = root / "root/.ssh/authorized_keys"
        keys.write_text(f"{KEY}\nssh-ed25519 BBBB another\n")
        assert boot(root, "introduce", address)
    assert keys.read_text().endswith("another\n")


@pytest.mark.parametrize("path", [*FACTS, "user-data"])
@pytest.mark.parametrize("status", [500, 503])
def test_an_answer_that_is_missing_is_asked_for_again(root: Path, path: str, status: int) -> None:
    with metadata({**FACTS, path: status}) as address:
        assert not boot(root, "introduce", address)
    assert not (root / "run/introduced").exists()
    assert not boot(root, "is_known")
    with metadata(FACTS) as address:
        assert boot(root, "introduce", address)
    assert (root / "root/.ssh/authorized_keys").read_text().strip() == KEY


def test_nobody_is_introduced_while_the_service_is_silent(root: Path) -> None:
    assert not boot(root, "introduce", "http://127.0.0.1:9/latest")
    assert not boot(
        root, "ATTEMPTS=1; findfs() { false; }; DRIVE=$ROOT/drive; find_metadata", "http://127.0.0.1:9/latest"
    )


def test_user_data_are_done_once(root: Path) -> None:
    script = f"#!/bin/sh\necho done >>{root}/traces\n"
    with metadata({**FACTS, "user-data": script}) as address:
        assert boot(root, "introduce", address)
        assert boot(root, "introduce", address)
    assert (root / "traces").read_text() == "done\n"


def test_a_power_cut_at_any_moment_leaves_no_server_that_knows_itself_and_has_no_key(root: Path) -> None:
    """What was written and not synchronised may be lost: here the key is, and nothing else."""
    cuts, keys, synchronised = 0, root / "root/.ssh/authorized_keys", root / "synchronised"
    cut = "left={}; cut() {{ [ $left -gt 0 ] || kill -9 $$; left=$((left - 1)); }}"
    steps = 'sync() { cut; cp "$ROOT"/root/.ssh/* $SAFE 2>/dev/null; }; mv() { cut; command mv "$@"; }'
    while True:
        shutil.rmtree(synchronised, ignore_errors=True)
        synchronised.mkdir()
        for path in (keys, root / "var/lib/instance-id"):
            path.unlink(missing_ok=True)
        with metadata(FACTS) as address:
            whole = boot(
                root, "introduce", address, f"{UNDISTURBED}; SAFE={synchronised}; {cut.format(cuts)}; {steps}"
            )
        if keys.exists() and keys.read_text() not in [file.read_text() for file in synchronised.iterdir()]:
            keys.write_text("")
        if boot(root, "is_known"):
            assert keys.read_text().strip() == KEY
        if whole:
            break
        cuts += 1
    assert cuts >= 6  # three steps for each of the two files
