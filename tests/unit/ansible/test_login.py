"""The registry's password goes to hosts that pull images, with the request, and to nobody else."""

from collections.abc import Mapping
from typing import Any

import pytest

from kolla.ansible.conversations import Conversations
from kolla.ansible.executor import CloudIdentity, Executor, Login
from kolla.secret import Secret


class Demanding(Conversations):
    """Conversations that want one verb asked."""

    def __init__(self, verb: str) -> None:
        super().__init__([])
        self.verb = verb

    def next(self, host: str, step: int, answer: Any) -> tuple[str, Mapping[str, Any]]:
        return self.verb, {"run": "1"}


def request(verb: str, login: Login | None) -> dict[str, Any]:
    executor = Executor([], CloudIdentity("kolla", "id"), login=login)
    message = {"kind": "next", "host": "a", "step": 0, "answer": None}
    demand = executor._handle(message, Demanding(verb))
    found: dict[str, Any] = demand["request"]
    return found


LOGIN = Login("puller", Secret("a word"))


def test_who_applies_may_log_in() -> None:
    assert request("apply", LOGIN)["login"] == {"username": "puller", "password": "a word"}


@pytest.mark.parametrize("verb", ["observe", "follow", "release", "destroy"])
def test_who_pulls_nothing_is_told_nothing(verb: str) -> None:
    assert "login" not in request(verb, LOGIN)


def test_without_a_name_nobody_logs_in() -> None:
    assert "login" not in request("apply", None)


def test_it_does_not_show() -> None:
    assert "a word" not in repr(LOGIN)
