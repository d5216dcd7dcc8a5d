"""Files against a small schema."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from kolla.config.option_schema import Schema
from kolla.config.options_check import Problem, check, explained
from kolla.images.inside.oslo_options import add

LOGIN = [cfg.StrOpt("auth_type"), cfg.StrOpt("auth_section")]
OPTIONS: dict[str, list[Any]] = {
    "DEFAULT": [
        cfg.BoolOpt("debug"),
        cfg.StrOpt("log-dir"),
        cfg.ListOpt("enabled_backends"),
        cfg.PortOpt("bind_port", deprecated_name="port", deprecated_group="server"),
        cfg.StrOpt("old", deprecated_for_removal=True, deprecated_reason="Nobody\n  wants it."),
    ],
    "database": [
        cfg.IntOpt("max_retries", min=-1),
        cfg.StrOpt("connection", secret=True, max_length=5),
        cfg.MultiStrOpt("hint"),
    ],
    "keystone_authtoken": [*LOGIN, cfg.StrOpt("interface")],
    "store.file": [cfg.StrOpt("directory")],
    "store.web": [cfg.URIOpt("address")],
}
PLUGINS = {"password": [cfg.StrOpt("username", deprecated_name="user-name")], "token": [cfg.StrOpt("token")]}
SECTIONS = [
    {"named_by": "[DEFAULT] enabled_backends", "names": ["staging"], "pattern": "{}", "like": ["store.*"]},
    {"named_by": "[DEFAULT] log-dir", "names": [], "pattern": "of_{}", "like": []},
]


def schema(without: str = "") -> Schema:
    found: dict[str, dict[str, Any]] = {}
    plugins: dict[str, dict[str, Any]] = {}
    for section, options in OPTIONS.items():
        add(found, section, [option for option in options if option.name != without])
    for plugin, options in PLUGINS.items():
        add(plugins, plugin, options)
    return Schema({"options": found, "plugins": plugins, "unread": {}, "sections": SECTIONS})


def told(*texts: str) -> list[tuple[str, str, str | None]]:
    """Kind, key and hint of every problem of files with these texts."""
    return [(p.kind, p.key, p.hint) for p in checked(*texts)]


def checked(*texts: str) -> tuple[Problem, ...]:
    return check({f"{number}.conf": text for number, text in enumerate(texts)}, schema())


def test_what_is_known_is_fine() -> None:
    default = "[DEFAULT]\ndebug = yes\nlog_dir = /l\nlog-dir = /l\n"
    assert told(f"{default}[DATABASE]\nmax_retries =\nhint = a\nhint = b\n") == []


def test_an_unknown_option_has_a_nearest_one_or_another_section() -> None:
    assert told("[DEFAULT]\ndebgu = true\nmax_retries = 1\nzzz = 1\n") == [
        ("unknown", "[DEFAULT] debgu", "did you mean 'debug'?"),
        ("unknown", "[DEFAULT] max_retries", "there is [database] max_retries"),
        ("unknown", "[DEFAULT] zzz", None),
    ]


def test_an_unknown_section_is_told_once() -> None:
    assert told("[databse]\na = 1\nb = 2\n") == [("unknown", "[databse]", "did you mean 'database'?")]


def test_a_line_above_every_section_is_refused_by_what_reads_it() -> None:
    (found,) = checked("debug = true\n")
    assert (found.kind, found.what, found.expected) == (
        "value",
        "it stands before any section",
        "[DEFAULT] above it",
    )


def test_values() -> None:
    first, second, third = checked(
        "[database]\nmax_retries = -2\nconnection = secret\n[DEFAULT]\ndebug = maybe\n"
    )
    assert (first.what, first.expected) == ("'-2' is not allowed", "a whole number, -1 or more")
    assert (second.what, second.expected) == ("'***' is not allowed", "text of at most 5 characters")
    assert third.what == "'maybe' is not allowed"


def test_an_option_given_twice_is_told_where_only_one_counts() -> None:
    (found,) = checked("[DEFAULT]\ndebug = true\ndebug = false\n")
    assert found.what == "it is given 2 times, and only the last one counts"


def test_names_of_before_are_deprecated_and_lead_to_the_new_one() -> None:
    assert told("[server]\nport = 99999\n[DEFAULT]\nold = x\n") == [
        ("deprecated", "[server] port", "write [DEFAULT] bind_port instead"),
        ("value", "[server] port", None),
        ("deprecated", "[DEFAULT] old", "Nobody wants it."),
    ]


def test_the_login_plugin_decides_which_options_there_are() -> None:
    section = "[keystone_authtoken]\ninterface = internal\n"
    assert told(f"{section}auth_type = password\nusername = u\nuser_name = u\n") == [
        ("deprecated", "[keystone_authtoken] user_name", "write [keystone_authtoken] username instead")
    ]
    assert told(f"{section}auth_type = token\nusername = u\n") == [
        ("unknown", "[keystone_authtoken] username", None)
    ]
    assert told(f"{section}username = u\n", "[keystone_authtoken]\nauth_type = password\n") == []
    assert told(f"{section}auth_type = pasword\nusername = u\n") == [
        ("value", "[keystone_authtoken] auth_type", "did you mean 'password'?")
    ]


def test_the_login_may_be_in_another_section() -> None:
    elsewhere = "[mine]\nauth_type = password\nusername = u\n"
    assert told("[keystone_authtoken]\nauth_section = mine\n" + elsewhere) == []
    assert told(elsewhere) == [("unknown", "[mine]", None)]


def test_sections_may_have_their_names_from_values() -> None:
    text = "[fast]\ndirectory = /f\n[web]\naddress = http://a/\ndirctory = /f\n[staging]\ndirectory = /s\n"
    assert told("[DEFAULT]\nenabled_backends = fast:file, web:web\n" + text) == [
        ("unknown", "[web] dirctory", "did you mean 'directory'?")
    ]
    assert [key for _, key, _ in told(text)] == ["[fast]", "[web]"]


def test_sections_like_no_other_are_not_checked() -> None:
    assert told("[DEFAULT]\nlog-dir = x\n[of_x]\nanything = 1\n") == []


def test_what_an_earlier_image_knew_was_removed() -> None:
    found = check({"a": "[DEFAULT]\ndebug = true\ndebgu = true\n"}, schema(without="debug"))
    assert [p.kind for p in explained(found, [schema()])] == ["removed", "unknown"]


def test_software_without_options_of_this_kind_is_not_checked() -> None:
    nothing = Schema({"options": {}, "plugins": {}, "unread": {}, "sections": []})
    assert check({"a": "[DEFAULT]\nanything = 1\n"}, nothing) == ()
