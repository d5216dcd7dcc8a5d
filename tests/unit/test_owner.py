"""Who is named to others as the one who changes the hosts."""

import getpass

import pytest

from kolla.hosts import owner


def test_under_sudo_it_is_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "eve")
    assert owner("deploy")["user"] == "eve"


@pytest.mark.parametrize("value", [None, ""])
def test_else_it_is_the_user(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv("SUDO_USER", raising=False)
    else:
        monkeypatch.setenv("SUDO_USER", value)
    assert owner("deploy")["user"] == getpass.getuser()
