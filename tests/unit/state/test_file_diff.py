"""Diffs of files: what changed is seen, and no secret, whatever the files look like."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from world import World

from kolla.state.file_diff import LONGEST, file_diffs, unified
from kolla.state.reconcile import reconcile
from kolla.state.revision_diff import as_applied


def diffs(world: World) -> str:
    plan = reconcile(world.desired, world.states)
    found = file_diffs(plan, world.desired, world.states)
    return "\n".join(line for each in found for line in each.lines)


def test_a_changed_option_is_a_hunk_with_its_surroundings(deployed: World) -> None:
    deployed.override("keystone.conf", "[token]\nexpiration = 7200\n")
    text = diffs(deployed)
    assert text.startswith(
        "--- one:/etc/kolla/keystone/keystone.conf\n+++ one:/etc/kolla/keystone/keystone.conf\n@@ "
    )
    assert "\n-expiration = 3600\n+expiration = 7200\n" in text


def test_a_file_that_goes_and_one_that_comes(deployed: World) -> None:
    deployed.globals["enable_notes"] = False
    assert "+++ one:/dev/null" in diffs(deployed)
    deployed.carry_out(reconcile(deployed.desired, deployed.states))
    deployed.globals["enable_notes"] = True
    assert "--- one:/dev/null\n+++ one:/etc/kolla/haproxy/notes.cfg" in diffs(deployed)


def test_a_changed_password_is_seen_to_have_changed_and_not_to_what(deployed: World) -> None:
    passwords = deployed.directory / "passwords.yml"
    old = deployed.settings.passwords["keystone_database_password"].reveal()
    passwords.write_text(passwords.read_text().replace(old, "correct-horse-battery"))
    text = diffs(deployed)
    assert "-connection = ***\n+connection = ***" in text
    assert old not in text
    assert "correct-horse-battery" not in text


def test_two_configurations_differ_by_the_plan_from_one_to_the_other(deployed: World) -> None:
    before = deployed.desired
    deployed.globals["enable_notes"] = False
    deployed.override("keystone.conf", "[token]\nexpiration = 7200\n")
    desired = deployed.desired
    states = as_applied(before, desired)
    plan = reconcile(desired, states)
    assert [operation.id for operation in plan.operations] == [
        "remove:notes@one",
        "container:haproxy@one",
        "container:keystone@one",
    ]
    changed = [(each.container, each.file) for each in file_diffs(plan, desired, states)]
    assert changed == [("haproxy", "config.json"), ("haproxy", "notes.cfg"), ("keystone", "keystone.conf")]
    assert not reconcile(desired, as_applied(desired, desired))


def test_no_password_shows_when_everything_is_new(world: World) -> None:
    text = diffs(world)
    assert "[token]" in text
    assert not [name for name, value in world.settings.passwords.items() if value.reveal() in text]


WORDS = st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789!#%&*+,.;<>?~^$", min_size=8, max_size=24)
TELLING = st.sampled_from(["password", "admin_password", "secret_key", "erlang_cookie", "transport_url"])


def ini(entries: dict[str, str]) -> str:
    return "[DEFAULT]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())


WRITERS = {
    "oslo": ini,
    "yaml": lambda entries: str(yaml.safe_dump({"a": entries}, sort_keys=False)),
    "json": lambda entries: json.dumps({"a": [entries]}, indent=2),
}


@pytest.mark.parametrize("format", WRITERS)
@given(key=TELLING, old=WORDS, new=WORDS, other=WORDS)
@example(key="password", old="aaaaaaaa", new="password", other="aaaaaaaab")
def test_values_of_telling_keys_never_show(format: str, key: str, old: str, new: str, other: str) -> None:
    before = WRITERS[format]({"name": "x", key: f"Qq{old}Zz"})
    after = WRITERS[format]({"name": "y", key: f"Qq{new}Zz", "other": other})
    text = "\n".join(unified(before, after, (), format))
    assert f"Qq{old}Zz" not in text
    assert f"Qq{new}Zz" not in text


@pytest.mark.parametrize("format", [*WRITERS, "text"])
@given(secret=WORDS, around=WORDS, old=WORDS)
def test_known_secrets_never_show_and_what_stood_there_before_does_not(
    format: str, secret: str, around: str, old: str
) -> None:
    secret, old = f"Qq{secret}Zz", f"Yy{old}Xx"
    write = WRITERS.get(format, lambda entries: f"bind {entries['plain']}\n")
    before, after = write({"plain": f"{around}{old}"}), write({"plain": f"{around}{secret}"})
    text = "\n".join(unified(before, after, {secret}, format))
    assert secret not in text
    assert old not in text
    assert text


def test_a_file_on_the_host_that_is_json_in_one_line_shows_no_password() -> None:
    old = json.dumps({"name": "x", "password": "old-battery-staple", "more": [{"secret": "s3cr3t-word"}]})
    text = "\n".join(unified(old, '{"name": "y"}\n', (), "json"))
    assert "battery" not in text
    assert "s3cr3t" not in text


def test_keys_and_logins_in_plain_text_do_not_show() -> None:
    block = "-----BEGIN PRIVATE KEY-----\nMIIEabcd\n-----END PRIVATE KEY-----\n"
    old = f"url amqp://user:hunter2222@host\n{block}"
    text = "\n".join(unified(old, "url none\n", (), "text"))
    assert "hunter2222" not in text
    assert "MIIEabcd" not in text
    assert "-url amqp://user:***@host" in text


def test_what_is_not_text_is_not_shown() -> None:
    assert unified("a\0b", "c", (), "text") == ["(not text)"]


def test_a_long_diff_is_cut_and_says_so() -> None:
    lines = unified("", "line\n" * 1000, (), "text")
    assert (len(lines), lines[-1]) == (LONGEST + 1, f"({1001 - LONGEST} more lines)")
