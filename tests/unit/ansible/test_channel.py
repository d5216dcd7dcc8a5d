from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kolla.ansible.channel import VARIABLE, Channel, Client


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "channel"
    monkeypatch.setenv(VARIABLE, str(path))
    return path


def test_messages_of_several_clients_get_their_replies(path: Path) -> None:
    with Channel(path, lambda message: {"doubled": message["value"] * 2}) as channel:
        clients = [Client() for _ in range(3)]
        big = "ü" * 300_000
        for client in clients:
            assert client.call(value=big) == {"doubled": big * 2}
            assert client.call(value="\n") == {"doubled": "\n\n"}
        for client in clients:
            client.close()
        channel.check()


def test_an_error_of_the_handler_closes_the_connection_and_is_raised_by_check(path: Path) -> None:
    def broken(message: dict[str, Any]) -> Any:
        raise RuntimeError("no")

    with Channel(path, broken) as channel:
        client = Client()
        with pytest.raises(ConnectionError):
            client.call(value=1)
        client.close()
        with pytest.raises(RuntimeError, match="no"):
            channel.check()
