"""What ends that would outlive containers: by programs that call others, which stand-ins play here."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from .scripts import SERVICES, load


def stand_in(directory: Path, name: str, lines: str) -> None:
    """A program that notes its arguments in `calls`."""
    path = directory / name
    path.write_text(f'#!/bin/sh\necho "$@" >> {directory}/calls\n{lines}\n')
    path.chmod(0o755)


def test_guests_are_ended_one_by_one_and_their_taps_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = load("nova", "kolla_end_guests")
    answers = """case "$*" in
        *"list --name") printf "two\\none\\n\\n";;
        *"domiflist one") echo " tap1   bridge   br-int   virtio   fa:16:3e:00:00:01";;
        *"domiflist two") printf " tap2   bridge   br-int   virtio   fa:16:3e:00:00:02\\n -   bridge\\n\\n";;
    esac"""
    stand_in(tmp_path, "virsh", answers)
    stand_in(tmp_path, "ip", "")
    devices = tmp_path / "net"
    devices.mkdir()
    (devices / "tap2").touch()  # the other went with its guest
    monkeypatch.setattr(script, "DEVICES", devices)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    script.main()
    assert json.loads(capsys.readouterr().out) == {"changed": True, "ended": ["one", "two"]}
    calls = [call.partition("system ")[2] or call for call in (tmp_path / "calls").read_text().splitlines()]
    assert calls[-3:] == ["destroy one", "destroy two", "link delete tap2"]


def test_a_guest_that_does_not_end_is_told(tmp_path: Path) -> None:
    stand_in(tmp_path, "virsh", 'case "$*" in *"list --name") echo one;; *) exit 1;; esac')
    done = subprocess.run(
        [SERVICES / "nova" / "image" / "kolla_end_guests"],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
    )
    assert done.returncode != 0


def test_only_namespaces_of_the_agent_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = load("neutron", "kolla_remove_namespaces")
    for name in ("ovnmeta-b", "ovnmeta-a", "somebody", "qdhcp-c"):
        (tmp_path / name).touch()
    stand_in(tmp_path, "ip", "")
    monkeypatch.setattr(script, "NAMESPACES", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    script.main(["ovnmeta-", "qrouter-"])
    assert json.loads(capsys.readouterr().out) == {"changed": True, "removed": ["ovnmeta-a", "ovnmeta-b"]}
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == ["netns delete ovnmeta-a", "netns delete ovnmeta-b"]
