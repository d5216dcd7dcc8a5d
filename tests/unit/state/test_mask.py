from __future__ import annotations

import pytest

from kolla.config.diff import Change
from kolla.config.merge import Merged
from kolla.secret import Secret
from kolla.state.compare import _content
from kolla.state.host_state import ObservedFile
from kolla.state.mask import mask
from kolla.state.render import RenderedFile


def masked(
    key: str, old: str | None, new: str | None, secrets: tuple[str, ...] = ("hunter2-hunter2",)
) -> str:
    change = Change(key, old, new, "config/x.conf")
    return mask(f"x.conf: {change}", change, secrets)


def test_what_is_no_secret_is_shown() -> None:
    assert masked("[token] expiration", "1", "2") == "x.conf: [token] expiration 1 -> 2, set by config/x.conf"


@pytest.mark.parametrize("key", ["[mariadbd] max_connections", "[DEFAULT] passive", "[api] keyboard"])
def test_names_that_only_resemble_a_secrets_are_shown(key: str) -> None:
    assert "***" not in masked(key, "old-value", "new-value")


@pytest.mark.parametrize(
    "key", ["[database] connection", "[DEFAULT] transport_url", "admin_password", "[x] fernet_key", "cookie"]
)
def test_an_old_value_is_hidden_by_its_keys_name_even_when_its_secret_is_known_no_more(key: str) -> None:
    said = masked(key, "mysql://u:forgotten@h", "mysql://u:hunter2-hunter2@h")
    assert said == f"x.conf: {key} *** -> ***, set by config/x.conf"


KEY = "-----BEGIN PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE\nYm9keQ==\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("line", [2, 3])
def test_each_line_of_a_secret_of_several_is_hidden(line: int) -> None:
    secret = KEY.splitlines()[line - 1]
    said = masked(f"line {line}", "of the one before", secret, (KEY,))
    assert said == f"x.conf: line {line} *** -> ***, set by config/x.conf"


def test_of_a_file_with_such_a_secret_no_line_of_an_earlier_one_is_shown() -> None:
    before = [
        "-----BEGIN PRIVATE KEY-----",
        "b3BlbmVy",
        "Ym9keSBvZg==",
        "dGhlIG9sZGVy",
        "-----END PRIVATE KEY-----",
    ]
    wanted = RenderedFile(Merged(KEY, {"": "template"}), "text", frozenset({KEY}))
    observed = ObservedFile(sha256="another", mode="0600", content=Secret("\n".join(before)))
    causes = list(_content("key", wanted, observed, {KEY}))
    assert causes
    assert not [line for line in (*before, *KEY.splitlines()) for cause in causes if line in cause]


def test_a_known_secret_is_hidden_wherever_it_is() -> None:
    assert "hunter2" not in masked("[DEFAULT] url", "http://u:hunter2-hunter2@h", None)
