"""Which RabbitMQ may have the data of which, and how the one that runs is asked."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from types import ModuleType

import pytest

from .scripts import load

FRAME = (
    b"\x00\x0a\x00\x0a\x00\x09\x00\x00\x00\x20"
    b"\x07productS\x00\x00\x00\x08RabbitMQ\x07versionS\x00\x00\x00\x063.10.8\x08"
)
"""The beginning of a server's first frame, with two of its properties."""


@pytest.fixture
def takeover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    script = load("rabbitmq", "kolla_rabbitmq_takeover")
    monkeypatch.setattr(script, "DATA", tmp_path)
    monkeypatch.setattr(script, "NODES", tmp_path / "mnesia")
    monkeypatch.setattr(script, "WRITTEN", tmp_path / ".kolla-version")
    monkeypatch.setattr(script, "SERVERS", tmp_path / "servers")
    (tmp_path / "servers" / "rabbitmq_server-4.0.5").mkdir(parents=True)
    return script


@pytest.mark.parametrize(
    ("before", "after"),
    [("4.0.5", "4.0.7"), ("4.0.7", "4.0.5"), ("3.10.8", "3.11.28"), ("3.13.7", "4.0.5"), ("3.13.7", "4.2.0")],
)
def test_one_step_is_taken(takeover: ModuleType, before: str, after: str) -> None:
    takeover.check(before, after)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("3.10.8", "4.0.5", "the supported way is 3.10 -> 3.11 -> 3.12 -> 3.13 -> 4.0, one after the other"),
        ("3.12.1", "4.2.0", "the supported way is 3.12 -> 3.13 -> 4.2, one after the other"),
        ("4.0.5", "3.10.8", "no server reads the data of a newer one"),
        ("4.0.5", "5.0.0", "no supported way is known"),
    ],
)
def test_what_has_no_way_is_refused_with_the_reason(
    takeover: ModuleType, before: str, after: str, said: str
) -> None:
    with pytest.raises(takeover.Refused) as caught:
        takeover.check(before, after)
    assert said in str(caught.value)
    assert "loses the messages under way: kolla replace-message-bus" in str(caught.value)


@pytest.mark.parametrize(
    ("flags", "refused"),
    [
        ([("a", "enabled", "stable"), ("b", "disabled", "experimental")], False),
        ([("a", "enabled", "stable"), ("b", "disabled", "stable")], True),
        ([("a", "unavailable", "required")], True),
    ],
)
def test_another_series_needs_the_stable_feature_flags(
    takeover: ModuleType, tmp_path: Path, flags: list[tuple[str, str, str]], refused: bool
) -> None:
    document = [{"name": name, "state": state, "stability": stability} for name, state, stability in flags]
    takeover.CONTROL = tmp_path / "rabbitmqctl"
    takeover.CONTROL.write_text(f"#!/bin/sh\necho '{json.dumps(document)}'\n")
    takeover.CONTROL.chmod(0o755)
    if not refused:
        takeover.check_flags("4.1.0")
        return
    with pytest.raises(takeover.Refused, match=r"needs feature flags that are not enabled: [ab][.]"):
        takeover.check_flags("4.1.0")


def test_the_server_that_runs_is_asked(takeover: ModuleType) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                assert connection.recv(8) == takeover.HEADER
                connection.sendall(b"\x01\x00\x00" + len(FRAME).to_bytes(4, "big") + FRAME + b"\xce")

        thread = threading.Thread(target=answer)
        thread.start()
        port = server.getsockname()[1]
        assert takeover.running("127.0.0.1", port) == "3.10.8"
        thread.join()
    assert takeover.running("127.0.0.1", port) is None


def test_without_a_server_it_is_the_one_that_was_allowed_last(
    takeover: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeover, "running", lambda address, port: None)
    (tmp_path / "mnesia").mkdir()  # a new volume has what the image has, and the package brings it empty
    takeover.main("127.0.0.1", "1")
    assert (tmp_path / ".kolla-version").read_text() == "4.0.5"
    (tmp_path / "mnesia" / "rabbit@one").mkdir()
    takeover.main("127.0.0.1", "1")
    (tmp_path / ".kolla-version").write_text("3.10.8")
    with pytest.raises(takeover.Refused, match=r"does not take over the data of 3\.10\.8"):
        takeover.main("127.0.0.1", "1")
    (tmp_path / ".kolla-version").unlink()
    with pytest.raises(takeover.Refused, match="nobody knows which version"):
        takeover.main("127.0.0.1", "1")


def test_an_emptied_volume_keeps_only_what_the_job_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = load("rabbitmq", "kolla_rabbitmq_empty")
    monkeypatch.setattr(script, "DATA", tmp_path)
    (tmp_path / "mnesia" / "rabbit@one").mkdir(parents=True)
    (tmp_path / ".kolla-version").touch()
    (tmp_path / ".erlang.cookie").touch()
    script.main()
    assert [path.name for path in tmp_path.iterdir()] == [".erlang.cookie"]
